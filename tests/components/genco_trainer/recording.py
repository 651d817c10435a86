"""A run_fn that writes down what it was given."""

import json
from pathlib import Path

from tfx.components.trainer.fn_args_utils import FnArgs


def run_fn(fn_args: FnArgs) -> None:
    folder = fn_args.custom_config.get('catalogue')
    listed = sorted(path.name for path in Path(folder).iterdir()) if folder else None
    Path(fn_args.serving_model_dir).mkdir(parents=True)
    given = {
        'custom_config': fn_args.custom_config,
        'listed': listed,
        'train_files': fn_args.train_files,
        'eval_files': fn_args.eval_files,
        'transform_output': fn_args.transform_output,
    }
    Path(fn_args.serving_model_dir, 'given.json').write_text(json.dumps(given))
