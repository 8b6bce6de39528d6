"""The tables of all keys of pools.yaml, from its models."""

from __future__ import annotations

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from eddyline.fleet import capacity, pools

# Path below `pools.<name>`, model.
SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("", pools.Pool),
    ("slot", pools.Slot),
    ("limits", pools.JobLimits),
    ("capacity", capacity.Capacity),
    ("capacity.requirements", capacity.Requirements),
    ("capacity.spot", capacity.Spot),
    ("capacity.on_demand", capacity.OnDemand),
    ("capacity.scratch", capacity.Scratch),
)


def markdown_tables() -> str:
    """One table for each section."""
    return "\n".join(_table(path, model) for path, model in SECTIONS)


def _table(path: str, model: type[BaseModel]) -> str:
    heading = f"key of `{path}`" if path else "key"
    rows = "".join(
        f"| `{name}` | {(field.description or '').replace('|', chr(92) + '|')} | {_default(field)} |\n"
        for name, field in model.model_fields.items()
        if name != "name"
    )
    return f"| {heading} | meaning | default |\n|---|---|---|\n{rows}"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(default, BaseModel):
        return "see below"
    if default is None:
        return "`null`"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, int | float):
        return f"`{default:.10g}`"
    return f"`{default}`" if default else "empty"
