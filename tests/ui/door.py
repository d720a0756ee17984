"""What the form asks of the house, with findings of our own, and a count of what it was asked."""

from nbtrainer import api, checks, datasets


class SmallDoor:
    """Answers as `nbtrainer.api` does; `findings` are what `check` finds until `fix` takes one away."""

    def __init__(self, findings=None):
        self.findings = findings
        self.asked = []

    def pairs(self, config):
        self.asked.append("pairs")
        return datasets.pair_table(config)

    def picture(self, config, index, size=96, outlines=True, whole=False):
        self.asked.append(f"picture {index}")
        return datasets.picture(config, index, size, outlines, whole)

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

    def variants(self, config, count=12, number=0, first=1):
        self.asked.append(f"variants {number}")
        return api.variants(config, count, number, first)

    def places(self, config, count, start=0):
        self.asked.append(f"places {count}")
        return api.places(config, count, start)
