"""`python -m tools.deploy`: write what of `deploy/` is made from the code."""

import sys

from tools.deploy.acls import chart_acls
from tools.deploy.render import cases, copies, helm, render, rendered
from tools.deploy.values import CHART, schema

(CHART / "files" / "acls.json").write_text(chart_acls(), encoding="utf-8")
(CHART / "values.schema.json").write_text(schema(), encoding="utf-8")
for target, source in copies().items():
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(source.read_bytes())
program = helm()
if program is None:
    sys.exit("deploy/rendered was not written: there is no helm on the path, nor in HELM")
for case in cases():
    rendered(case).write_text(render(program, case), encoding="utf-8")
