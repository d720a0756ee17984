"""What the form asks of the house, with findings of our own, and a count of what it was asked."""

from nbtrainer import api, checks, datasets


class SmallApi:
    """Answers as `nbtrainer.api` does; `findings` are what `check` finds until `fix` takes one away."""

    def __init__(self, findings=None):
        self.findings = findings
        self.asked = []

    def pairs(self, config):
        self.asked.append("pairs")
        return datasets.pair_table(config)

    def thumbnail(self, config, index, size=96, outlines=True, whole=False):
        self.asked.append(f"thumbnail {index}")
        return datasets.thumbnail(config, index, size=size, outlines=outlines, whole=whole)

    def histogram(self, config, index):
        self.asked.append(f"histogram {index}")
        return datasets.histogram(config, index)

    def check(self, config):
        self.asked.append("check")
        return checks.check(config) if self.findings is None else list(self.findings)

    def fix(self, config, finding):
        self.asked.append(f"fix {finding.fix}")
        self.findings.remove(finding)
        config.data.datasets[0].exclude = ["nuclei_00.tif"]
        return "nuclei_00.tif is left out."

    def fix_title(self, finding):
        return "Leave it out"

    def regions(self, config, index):
        return datasets.regions(config, index)

    def augmented_examples(self, config, count=12, number=0, first=1):
        self.asked.append(f"augmented_examples {number}")
        return api.augmented_examples(config, count, number, first)

    def patch_locations(self, config, count, start=0):
        self.asked.append(f"patch_locations {count}")
        return api.patch_locations(config, count, start)
