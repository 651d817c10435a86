from serving.server.monitoring.families import Histogram


def test_a_bound_belongs_to_its_bucket():
    histogram = Histogram('h', ('of',), (1, 2))
    for value in (1, 2, 3):
        histogram.observe(value, 'x')
    assert list(histogram.lines()) == [
        '# TYPE h histogram',
        'h_bucket{of="x",le="1"} 1',
        'h_bucket{of="x",le="2"} 2',
        'h_bucket{of="x",le="+Inf"} 3',
        'h_sum{of="x"} 6.0',
        'h_count{of="x"} 3',
    ]
