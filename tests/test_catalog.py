import pytest

from nbtrainer import catalog

CATALOGS = [catalog.LOSSES, catalog.METRICS, catalog.NETWORKS, catalog.OPTIMIZERS, catalog.SCHEDULES, catalog.TASKS]


@pytest.mark.parametrize(("menu", "name"), [(menu, name) for menu in CATALOGS for name in menu])
def test_every_entry_of_a_catalog_leads_to_something(menu, name):
    assert callable(menu.load(name))
    assert menu[name].help
