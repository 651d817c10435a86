"""The whole report: read by an HTML parser, as a browser does."""

import io
import json
from html.parser import HTMLParser

import pytest
from PIL import Image

from components.sctr_evaluator.report.charts.forest import interval_text
from components.sctr_evaluator.report.charts.shapes import Drawing, Text
from components.sctr_evaluator.report.page import Link, report_files
from components.sctr_evaluator.report.sections import Past, sections_of
from components.sctr_evaluator.report.writing import write_files
from creative_logs.errors import InputError
from tests.components.sctr_evaluator.report.helpers import random_result

BAD = '<script>alert("1")</script>'


class _Reader(HTMLParser):
    """Texts, elements with attributes, and whether they are closed in order."""

    VOID = {'meta', 'line', 'circle', 'rect'}

    def __init__(self, page: bytes):
        super().__init__()
        self.elements, self.text, self._open = [], '', []
        self.feed(page.decode())
        assert not self._open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data.replace('\u00a0', ' ')


def _page(result, *arguments) -> _Reader:
    return _Reader(report_files(result, *arguments)['report.html'])


def _drawing(result: dict, name: str) -> Drawing:
    figures = [figure for section in sections_of(result, []) for figure in section.figures]
    return next(figure for figure in figures if figure.name == name).draw(760)


def _with_category(result: dict, value: str) -> dict:
    part = result['slices'][1]['values'][0] | {'value': [value]}
    rest = {'values': 3, 'rows': 1200}
    result['slices'].append({'by': ['category'], 'values': [part], 'rest': rest})
    return result


def test_the_verdict_and_its_reasons_come_first():
    result = random_result()
    text = _page(result).text
    order = [
        'Not blessed',
        result['verdict']['reasons'][0]['sentence'],
        'Lift over chance',
        'Lift of each component',
    ]
    places = [text.index(part, text.index('Not blessed: the model must not serve.', 100)) for part in order]
    assert places == sorted(places)
    overall = result['policies']['two_stage']['overall']['lift_over_serving']
    assert f'{overall["value"] * 100:+.1f} %' in text


@pytest.mark.parametrize(
    'section',
    [
        'Lift of each component',
        'Lift over the model that serves now',
        'Lift by number of candidates',
        'Lift by slice',
        'By category; 3 more values (1,200 rows) are left out',
        'Predicted and observed CTR',
        'Attention',
        'Can the log be trusted?',
        'No sign that elements were shown more or less often',
        'All policies and estimators',
        'Past models',
        'All figures',
        'tfdv',
    ],
)
def test_every_part_is_there(section):
    result = _with_category(random_result(), 'phone')
    page = _page(result, [Past('7', result)], [Link('statistics: tfdv', '../../stat x/Split-test')])
    assert section in page.text
    assert ('a', {'href': '../../stat%20x/Split-test'}) in page.elements


def test_every_bracket_of_a_component_has_its_own_lift():
    result = random_result()
    rows = [shape.text for shape in _drawing(result, 'lift_by_candidates').shapes if isinstance(shape, Text)]
    start = rows.index('image')
    expected = ['image']
    for part in result['slices'][0]['values']:
        lift = part['levels']['image']['lift_over_uniform']
        expected += [result['brackets']['image'][part['value'][0]], interval_text(lift)]
    assert rows[start : start + len(expected)] == expected


def test_what_there_is_no_data_for_is_left_out():
    text = _page(random_result(paired=False) | {'slices': []}).text
    for absent in ('serves now', 'over the serving model', 'Lift by', 'Past models', 'Choices from outside'):
        assert absent not in text.replace('no model is serving yet', '')


def test_problems_and_a_forced_blessing_are_said_in_the_head():
    result = random_result(ctr=0.0, forced=f'roll-back {BAD}')
    page = _page(result)
    assert f'Blessed by force: roll-back {BAD}. The rules are not met.' in page.text
    assert page.text.index('there is no click') < page.text.index('Lift of each component')
    assert 'How much the model gains over chance is not known' in page.text
    assert (
        'nan' not in page.text.lower().replace('finance', '')
        and 'None' not in page.text.split('Configuration')[0]
    )


def test_choices_of_another_policy_have_a_section():
    result = random_result()
    levels = {'image': result['policies']['greedy']['image']}
    result['choices'] = {
        'file': 'ours.parquet', 'matched_rows': 300, 'unmatched_rows': 100, 'unused': 0,
        'uniform': {'image': result['uniform']['image']}, 'levels': levels, 'combinations': {},
    }  # fmt: skip
    files = report_files(result)
    assert 'ours.parquet has a choice for 300 rows, and none for 100.' in _Reader(files['report.html']).text
    assert 'choices.png' in files


CATALOGUE = {
    'elements': 1320,
    'bad_elements': 2,
    'rules': [{'rule': f'{BAD} must be true', 'rows': 2, 'file': 'c.parquet', 'example': {}}],
    'components': {
        'title': {'elements': 1000, 'texts': 999, 'attributes': 0, 'vectors': 500},
        BAD: {'elements': 200, 'texts': 1, 'attributes': 150, 'vectors': 0},
    },
    'unused': {f'video {BAD}': 120},
    'impressions': 4000.0,
    'missing': {
        'title': {'ids': 1234, 'impressions': 1000.0, 'examples': ['t1', BAD]},
        BAD: {'ids': 0, 'impressions': 0.0, 'examples': []},
    },
}


def test_the_catalogue_has_a_section():
    page = _page(random_result(), [], [], CATALOGUE)
    section = page.text.partition('Element catalogue')[2].partition('All figures')[0]
    for sentence in (
        'Elements of components with content: 1,200.',
        f'Left out because they break a rule: 2; most often: {BAD} must be true.',
        f'Not read, as their component has no content: video {BAD} 120.',
        f'The first of these ids are title: t1, {BAD}.',
    ):
        assert sentence in section
    row = ('title', '1,000', '999', '0', '500', '1,234', '25.0 %')
    assert ''.join(row) in section
    assert not [tag for tag, _ in page.elements if tag == 'script']


def test_a_catalogue_that_lacks_nothing_is_said_to():
    whole = CATALOGUE | {'bad_elements': 0, 'rules': [], 'unused': {}}
    whole['missing'] = {name: {'ids': 0, 'impressions': 0.0, 'examples': []} for name in ('title', BAD)}
    text = _page(random_result(), [], [], whole).text
    assert 'It lists every candidate in the logs' in text
    assert 'Left out because' not in text and 'Not read' not in text
    assert 'Element catalogue' not in _page(random_result()).text


def test_names_from_logs_cannot_become_markup():
    result = _with_category(random_result(), BAD)
    renamed = json.loads(json.dumps(result).replace('badge', json.dumps(BAD)[1:-1]))
    files = report_files(renamed, [Past(BAD, renamed)], [Link(BAD, f'../{BAD}')])
    page = _Reader(files['report.html'])
    assert not [tag for tag, _ in page.elements if tag in ('script', 'iframe', 'img', 'object')]
    assert BAD in page.text
    assert b'<script' not in files['report.html']
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith('on')], tag
    assert all('<' not in name and '/' not in name for name in files)


def test_the_page_needs_nothing_from_elsewhere():
    page = report_files(random_result(), [Past('7', random_result())])['report.html'].decode()
    reader = _Reader(page.encode())
    assert '://' not in page and 'url(' not in page and '@import' not in page
    assert {tag for tag, _ in reader.elements}.isdisjoint({'script', 'link', 'img', 'iframe'})
    assert [a['href'] for tag, a in reader.elements if tag == 'a'] == ['evaluation.json']
    assert 'prefers-color-scheme: dark' in page and 'width=device-width' in page


def test_every_chart_is_a_png_and_is_drawn_for_wide_and_for_small_screens():
    files = report_files(random_result(), [Past('7', random_result())])
    pngs = [name for name in files if name.endswith('.png')]
    charts = [a for tag, a in _Reader(files['report.html']).elements if tag == 'svg']
    assert len(charts) == 2 * len(pngs) == 18
    assert max(float(chart['width']) for chart in charts[1::2]) <= 300
    for name in pngs:
        Image.open(io.BytesIO(files[name])).verify()


def test_history_is_newest_first_and_tells_blessed_from_not():
    blessed, other = random_result(), random_result()
    blessed['verdict']['blessed'] = True
    page = _page(other, [Past('3', blessed), Past('8', other), Past('9', other)])
    chart = page.text[page.text.index('Past models') :]
    assert chart.index('9, 1970') < chart.index('8, 1970') < chart.index('3, 1970')
    rings = [a for tag, a in page.elements if tag == 'circle' and 'hollow' in a['class']]
    # In both drawings: what the model believes, of components and of combinations, and two past models.
    assert len(rings) == 2 * (2 + 2)


def test_files_are_written_whole_into_a_new_folder_and_over_old_ones(tmp_path):
    for content in (b'old', b'new'):
        write_files(tmp_path / 'a' / 'b', {'report.html': content})
    assert [path.name for path in (tmp_path / 'a' / 'b').iterdir()] == ['report.html']
    assert (tmp_path / 'a' / 'b' / 'report.html').read_bytes() == b'new'
    (tmp_path / 'file').write_text('')
    with pytest.raises(InputError, match='cannot be written'):
        write_files(tmp_path / 'file', {})
