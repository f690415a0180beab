import subprocess
import sys


def test_the_lesson_does_not_import_tensorflow():
    code = "import sys, autolr_widget.lesson; print([m for m in ('tensorflow', 'keras') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
