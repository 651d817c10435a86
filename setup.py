"""Packages and true requirements; requirements.lock pins the set that is known to install and run."""

from setuptools import find_packages, setup

PACKAGES = ('tfx_pipeline', 'model', 'components', 'serving', 'creative_logs', 'benchmarks')

setup(
    name='genco',
    version='0.1.0',
    description='Creative optimization: learns from click logs which combination of elements to show',
    python_requires='>=3.11,<3.12',
    packages=find_packages(include=[p for name in PACKAGES for p in (name, f'{name}.*')]),
    package_data={'components.sctr_evaluator.report': ['report.html']},
    install_requires=[
        'tfx>=1.21,<1.22',
        'tensorflow-cpu>=2.21,<2.22',
        'tf_keras>=2.21,<2.22',
        'tensorflow-recommenders>=0.7.7,<0.8',
        'tensorflow-serving-api>=2.19.1',
        'tensorboard>=2.21,<2.22',
        'apache-beam>=2.77,<2.78',
        'grpcio-health-checking>=1.80,<1.81',
        'werkzeug>=3.1',
        'cheroot>=11.1,<12',
        'pyarrow>=18,<19',
        'pydantic>=2.14',
        'click>=8.5',
        'rich>=15',
        'scipy>=1.17',
        'threadpoolctl>=3.5',
        'dill>=0.4',
        'jinja2>=3.1',
        'pillow>=12',
    ],
    extras_require={
        'peers': ['vowpalwabbit>=9.11', 'catboost>=1.2.10'],
        'estimator-peers': ['obp>=0.4.1', 'vw-estimators>=0.2.2'],
        'gpu': ['tensorflow[and-cuda]>=2.21,<2.22'],
        'test': [
            'pytest>=9',
            'hypothesis>=6',
            'cryptography>=50',
            'kubernetes-validate>=1.37',
            'compose-spec>=0.2.1',
            'prometheus-client>=0.26',
        ],
    },
    entry_points={'console_scripts': ['genco = tfx_pipeline.cli:main']},
)
