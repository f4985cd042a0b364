"""Two instances never get the same port."""

import socket
import sys

import pytest

from bot.launch.ports import Ports

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can keep a port")


def test_chosen_ports_are_different() -> None:
    with Ports() as ports, Ports() as others:
        chosen = [ports.choose() for _ in range(20)] + [others.choose() for _ in range(20)]

    assert len(set(chosen)) == 40


def test_a_server_may_listen_on_a_chosen_port() -> None:
    with Ports() as ports, socket.create_server(("127.0.0.1", ports.choose())) as server:
        assert server.getsockname()[1] > 0


@only_linux
def test_nobody_else_gets_a_chosen_port() -> None:
    with Ports() as ports, socket.socket() as stranger, pytest.raises(OSError, match="in use"):
        stranger.bind(("127.0.0.1", ports.choose()))


def test_a_port_is_given_back() -> None:
    with Ports() as ports:
        port = ports.choose()
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", port))
