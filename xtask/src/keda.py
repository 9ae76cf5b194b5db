"""Prints the members of KEDA's objects, a JSON array on standard input, that KEDA's published schema does not have."""

import json
import sys

from cloudcoil.models.keda import v1alpha1 as keda


def unknown(given, known, path=""):
    if isinstance(given, dict) and isinstance(known, dict):
        for name, value in given.items():
            if name in known:
                yield from unknown(value, known[name], f"{path}.{name}")
            else:
                yield f"{path}.{name}"
    elif isinstance(given, list) and isinstance(known, list):
        for number, (value, other) in enumerate(zip(given, known)):
            yield from unknown(value, other, f"{path}[{number}]")


for found in json.load(sys.stdin):
    model = getattr(keda, found["kind"]).model_validate(found)
    known = model.model_dump(mode="json", by_alias=True, exclude_unset=True)
    for path in unknown(found, known):
        print(f"{found['kind']} {found['metadata']['name']}: KEDA has no {path}")
