import subprocess
import sys


def test_the_widget_does_not_import_tensorflow():
    code = (
        "import sys; import autolr_widget.widget.tuner_widget, autolr_widget.widget.session;"
        "print([m for m in sys.modules if m.split('.')[0] in ('tensorflow', 'keras')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
