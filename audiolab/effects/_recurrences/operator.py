"""Compiled loops as torch operators that cost a plain call nothing.

An operator of `torch.library` is what autograd, ``torch.compile`` and ``torch.export`` need to see.
A call that none of them watches goes to the loop directly: the first call of any operator imports
torch's compiler (more than a second), and every call passes through several layers of Python.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import torch

__all__ = ["Operator", "operator"]

Result = TypeVar("Result")


class Operator(Generic[Result]):
    """A function of tensors on the CPU, and its twin in torch's registry.

    Parameters
    ----------
    name : str
        Name in the registry, ``namespace::name``.
    function : callable
        Takes tensors and numbers, changes none of them, and returns new tensors.

    Attributes
    ----------
    registered : CustomOpDef
        The twin.
    """

    def __init__(self, name: str, function: Callable[..., Result]) -> None:
        self._function = function
        self.registered = torch.library.custom_op(
            name, function, mutates_args=(), device_types="cpu"
        )
        self.register_fake = self.registered.register_fake
        self.register_autograd = self.registered.register_autograd

    def __call__(self, *arguments: Any) -> Result:
        """Run, seen by torch's machinery only where some of it is watching."""
        if torch.compiler.is_compiling() or any(map(_watched, arguments)):
            result: Result = self.registered(*arguments)
            return result
        return self._function(*map(_bare, arguments))


def operator(name: str) -> Callable[[Callable[..., Result]], Operator[Result]]:
    """Turn a function into an `Operator` of that name.

    Parameters
    ----------
    name : str
        Name in torch's registry, ``namespace::name``.

    Returns
    -------
    callable
        A decorator.
    """
    return lambda function: Operator(name, function)


def _watched(argument: object) -> bool:
    """Tell whether a gradient or a tensor's subclass (a fake, a proxy) is at stake."""
    if not isinstance(argument, torch.Tensor):
        return False
    plain = type(argument) in (torch.Tensor, torch.nn.Parameter)
    return not plain or (argument.requires_grad and torch.is_grad_enabled())


def _bare(argument: object) -> object:
    """Return what the loop may read: under ``no_grad``, a tensor may still ask for gradients."""
    if isinstance(argument, torch.Tensor) and argument.requires_grad:
        return argument.detach()
    return argument
