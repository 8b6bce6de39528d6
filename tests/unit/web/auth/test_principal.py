from __future__ import annotations

from eddyline.web.auth.principal import LOCAL, Principal, Scope


def test_a_principal_sees_the_resources_of_its_owner_and_an_administrator_all() -> None:
    reader = Principal(owner="ann", scope=Scope.READ)
    assert (reader.may_see("ann"), reader.may_see("bob"), reader.sees) == (True, False, "ann")
    assert LOCAL.may_see("bob")
