"""`python -m tools.docs`: write everything in the checkout that is generated from the code."""

from tools.docs import alarm_drawing, drawing, state_drawing
from tools.docs.pages import ROOT, filled
from tools.docs.schema import schemas
from tools.monitoring.files import dashboard_files

for page in sorted((ROOT / "docs").glob("*.md")):
    text = page.read_text(encoding="utf-8")
    if filled(text) != text:
        page.write_text(filled(text), encoding="utf-8")
for picture in (drawing, state_drawing, alarm_drawing):
    picture.PATH.write_text(picture.drawing(), encoding="utf-8")
for file, schema in schemas().items():
    file.write_text(schema, encoding="utf-8")
for path, content in dashboard_files().items():
    path.write_text(content, encoding="utf-8")
