"""The linear terms of what the catalogue says about elements."""

from collections.abc import Mapping

import numpy as np
from scipy import sparse

from model.content.content_weights import ContentWeights, VectorWeights
from model.content.element_contents import ElementContents
from model.training.additive_effects.effect_problem import Occurring
from model.training.additive_effects.linear_terms import LinearTerms, SparseTerms, VectorTerms

TEXT, ATTRIBUTE, VECTOR = 'text', 'attribute', 'vector'  # each followed by the name of a component
BETWEEN = 'between'  # followed by the name of a term


def content_terms(contents: ElementContents | None) -> dict[str, LinearTerms]:
    if contents is None:
        return {}
    found: dict[str, LinearTerms] = {}
    for kind, parts in ((TEXT, contents.texts), (ATTRIBUTE, contents.attributes)):
        for component, part in parts.items():
            if len(part.keys):
                found[f'{kind} {component}'] = SparseTerms(part.matrix)
    for component, (rows, vectors) in contents.vectors.items():
        if len(rows):
            found[f'{VECTOR} {component}'] = VectorTerms(contents.size, rows, vectors)
    return found


def between_terms(there: Occurring, terms: Mapping[str, LinearTerms]) -> dict[str, LinearTerms]:
    """The means of the attributes and vectors of the elements that each ad showed.

    Ads of different topics have different CTRs, and the content of their elements tells the topic. Without terms
    of their own, these differences between ads would be taken for differences between the elements of one ad
    (Mundlak 1978).
    """
    told = {name: found for name, found in terms.items() if name.split(' ')[0] in (ATTRIBUTE, VECTOR)}
    if not told:
        return {}
    shape = (len(there.ads), len(there.elements))
    shown = there.data.weight[there.row], (there.ad[there.row], there.element)
    weights = sparse.csr_matrix(shown, shape)
    return {f'{BETWEEN} {name}': found.averaged(weights) for name, found in told.items()}


def attribute_design(contents: ElementContents | None) -> sparse.csr_matrix | None:
    """1 / sqrt(n) for each of the n attributes of an element, with those of all components side by side, [E, V]."""
    if contents is None or not contents.attributes:
        return None
    return sparse.hstack([part.matrix for part in contents.attributes.values()]).tocsr()


def content_weights(
    contents: ElementContents | None,
    terms: Mapping[str, LinearTerms],
    part: Mapping[str, np.ndarray],
    factors: np.ndarray,
) -> ContentWeights:
    """Collects the fitted effects of content.

    Args:
        contents: The content of the elements.
        terms: The linear terms by name.
        part: The fitted effects of each term by name.
        factors: The factors of tastes and synergies of the attributes, float64 [V, C - 1], in the order of
            `attribute_design`.
    """
    keys, weights, vectors = [np.zeros(0, np.int64)], [np.zeros((0, 1 + factors.shape[1]))], {}
    if contents is not None:
        first = 0
        for kind, parts in ((TEXT, contents.texts), (ATTRIBUTE, contents.attributes)):
            for component, found in parts.items():
                columns = np.zeros((len(found.keys), 1 + factors.shape[1]))
                if len(columns):
                    columns[:, 0] = part[f'{kind} {component}']
                if kind == ATTRIBUTE:
                    columns[:, 1:] = factors[first : first + len(columns)]
                    first += len(columns)
                keys.append(found.keys)
                weights.append(columns)
        for component in contents.vectors:
            name = f'{VECTOR} {component}'
            if isinstance(design := terms.get(name), VectorTerms):
                vectors[component] = VectorWeights(part[name] / design.scale, design.mean)
    joint = np.concatenate(keys)
    order = np.argsort(joint)
    return ContentWeights(joint[order], np.concatenate(weights)[order], vectors)
