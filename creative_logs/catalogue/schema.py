"""The element catalogue, one row per creative element: column names, Arrow types and their meaning."""

import pyarrow as pa

COMPONENT = 'component'
ELEMENT_ID = 'id'
TEXT = 'text'
ATTRIBUTES = 'attributes'
VECTOR = 'vector'
PICTURE = 'picture'
REQUIRED = (COMPONENT, ELEMENT_ID)


def arrow_schema() -> pa.Schema:
    """All columns of a catalogue with their Arrow types.

    component: The name of the creative component that the element belongs to.
    id: The id under which the logs list the element as a candidate; unique within its component.
    text: The text that the element shows, or null.
    attributes: What is known of the element, such as `colour=red`; the order does not matter. Null is the
        same as an empty list.
    vector: An embedding of the element, or null. All vectors of a component have one dimension.
    picture: The address of the element's picture, for reports; no model reads it.
    """
    return pa.schema(
        [
            pa.field(COMPONENT, pa.string()),
            pa.field(ELEMENT_ID, pa.string()),
            pa.field(TEXT, pa.string()),
            pa.field(ATTRIBUTES, pa.list_(pa.string())),
            pa.field(VECTOR, pa.list_(pa.float32())),
            pa.field(PICTURE, pa.string()),
        ]
    )
