from tests.widget.conftest import widgets_are_closed as widgets_are_closed
