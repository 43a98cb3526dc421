"""Names that a line cannot have because torch's modules or Python use them."""

from __future__ import annotations

import keyword

# The public attributes of nn.Sequential, so that `net.NAME` is always the line's own module.
OF_TORCH = frozenset(
    """
    T_destination add_module append apply bfloat16 buffers call_super_init children compile
    cpu cuda double dump_patches eval extend extra_repr float forward get_buffer
    get_extra_state get_parameter get_submodule half insert ipu load_state_dict modules mtia
    named_buffers named_children named_modules named_parameters parameters pop
    register_backward_hook register_buffer register_forward_hook register_forward_pre_hook
    register_full_backward_hook register_full_backward_pre_hook
    register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module
    register_parameter register_state_dict_post_hook register_state_dict_pre_hook
    requires_grad_ set_extra_state set_submodule share_memory state_dict to to_empty train
    training type xpu zero_grad
    """.split()
)

OWN = ("input", "network")  # what claims may be about, besides lines


def is_reserved(name: str) -> bool:
    """Whether a module of this name would hide, or be hidden by, something else."""
    return name in OWN or name in OF_TORCH or keyword.iskeyword(name) or name.startswith("_")
