"""How large text is on the screen."""

# A text may be in a picture that is scaled, and a field shows its value, which is no text of the page.
SIZES = """node => {
    const inView = one => one.checkVisibility({visibilityProperty: true, opacityProperty: true});
    const isField = one => one.matches('input:not([type=range], [type=checkbox], [type=radio]), select, textarea');
    const hasText = one => [...one.childNodes].some(({nodeType, data}) => nodeType === Node.TEXT_NODE && data.trim());
    const scale = one => {
        const matrix = one.ownerSVGElement && one.getScreenCTM ? one.getScreenCTM() : new DOMMatrix();
        return Math.sqrt(Math.abs(matrix.a * matrix.d - matrix.b * matrix.c));
    };
    const found = [...node.querySelectorAll('*')].filter(one => inView(one) && (isField(one) || hasText(one))
        && !one.closest('.autolr-hidden') && !['STYLE', 'SCRIPT', 'OPTION'].includes(one.tagName));
    return found.map(one => [scale(one) * parseFloat(getComputedStyle(one).fontSize), one.textContent.slice(0, 40)]);
}"""


def text_sizes(part):
    """The size in pixels of each visible text in a part of the page, and the text."""
    return part.evaluate(SIZES)


def small_texts(part, least):
    """The texts that are smaller than ``least`` pixels."""
    sizes = text_sizes(part)
    assert sizes, "there is text"
    return [(size, text) for size, text in sizes if size < least - 0.01]
