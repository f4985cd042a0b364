import pytest

from preferences.addresses import (
    Allowed,
    ForbiddenAddressError,
    check_addresses,
    check_url,
    is_public,
)

NOBODY = Allowed()

INNER = [
    "https://127.0.0.1/",
    "https://127.8.9.10:8443/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://168.63.129.16/",
    "https://192.0.0.192/",
    "https://198.18.0.1/",
    "https://192.88.99.1/",
    "https://203.0.113.7/",
    "https://0.0.0.0/",
    "https://224.0.1.1/",
    "https://255.255.255.255/",
    "https://[::]/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:8.8.8.8]/",
    "https://[::127.0.0.1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::808:808]/",
    "https://[fc00::1]/",
    "https://[fd12:3456::1]/",
    "https://[fe80::1]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://localhost/",
    "https://crm.localhost/",
    "https://LOCALHOST/",
    "https://①②⑦.⓪.⓪.①/",
    "https://１２７.0.0.1/",
    "https://127.0.0.1#@crm.example/",
]
DISGUISED = [
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://0x7f.0.0.1/",
    "https://0x7f000001/",
    "https://127.1/",
    "https://0/",
    "https://1.2.3.0x4/",
    "https://localhost./",
    "https://crm.example./",
    "https://127.0.0.1./",
    "https://%31%32%37.0.0.1/",
    "https://[fe80::1%25eth0]/",
    "https://[2606:4700::1111%25lo]/",
    "https://crm..example/",
    "https://-crm.example/",
    f"https://{'a' * 64}.example/",
]
NOT_WHOLE = [
    "",
    "crm.example/hook",
    "//crm.example/hook",
    "https:///hook",
    "https:crm.example",
    "file:///etc/passwd",
    "gopher://crm.example:70/_x",
    "ftp://crm.example/",
    "javascript:alert(1)",
    "https://[::1",
    "https://crm.example:99999/",
    "https://crm.example\\@127.0.0.1/",
    "https://crm.example/\r\nHost: inner",
    "https://crm.example /",
    "https://crm.ex\tample/",
    f"https://crm.example/{'a' * 2048}",
]
WRONG_PORT = [0, 22, 25, 81, 1023, 2375, 3306, 5432, 6000, 6379, 9200, 11211, 27017]


@pytest.mark.parametrize("url", INNER)
def test_an_inner_address_is_refused_however_it_is_written(url: str) -> None:
    with pytest.raises(ForbiddenAddressError, match=r"not a public one.*ASKFIRST_WEBHOOK_ALLOW"):
        check_url(url, NOBODY)


@pytest.mark.parametrize("url", DISGUISED)
def test_a_host_that_two_could_read_differently_is_refused(url: str) -> None:
    with pytest.raises(ForbiddenAddressError, match="plain name"):
        check_url(url, NOBODY)


@pytest.mark.parametrize("url", NOT_WHOLE)
def test_what_is_no_address_of_the_web_is_refused(url: str) -> None:
    with pytest.raises(ForbiddenAddressError, match="a whole one") as caught:
        check_url(url, NOBODY)

    assert caught.value.field == "url"


@pytest.mark.parametrize("port", WRONG_PORT)
def test_a_port_where_something_else_listens_is_refused(port: int) -> None:
    with pytest.raises(ForbiddenAddressError, match=f"port {port} "):
        check_url(f"https://crm.example:{port}/", NOBODY)


@pytest.mark.parametrize("who", ["user", "user:word", ":word", ":"])
def test_a_name_and_a_password_in_an_address_are_refused_and_not_repeated(who: str) -> None:
    with pytest.raises(ForbiddenAddressError) as caught:
        check_url(f"https://{who}@crm.example/", NOBODY)

    assert "user" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://crm.example/", "http://8.8.8.8/"])
def test_public_addresses_are_reached_by_https_only(url: str) -> None:
    with pytest.raises(ForbiddenAddressError, match="begin with https://"):
        check_url(url, Allowed.of(["other.example", "10.0.0.0/8"]))


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("https://crm.example/hook?a=1", "https://crm.example/hook?a=1"),
        ("https://crm.example:443/", "https://crm.example/"),
        ("https://crm.example:8443/", "https://crm.example:8443/"),
        ("HTTPS://CRM.Example/", "https://crm.example/"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/"),
        ("https://[64:ff9b::808:808]/", "https://[64:ff9b::808:808]/"),
    ],
)
def test_a_public_address_is_taken_and_read_once(url: str, read: str) -> None:
    assert str(check_url(url, NOBODY)) == read


@pytest.mark.parametrize(
    ("url", "allow"),
    [
        ("http://crm.internal:8069/hook", "crm.internal"),
        ("http://CRM.internal/hook", "CRM.Internal"),
        ("http://localhost:3000/", "localhost"),
        ("http://10.1.2.3/", "10.1.0.0/16"),
        ("https://10.1.2.3/", "10.1.2.3"),
        ("http://[fd12::1]:8080/", "fd12::/16"),
    ],
)
def test_the_operator_may_allow_a_host_or_a_network(url: str, allow: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        check_url(url, Allowed.of(["other.internal", "10.2.0.0/16"]))

    assert check_url(url, Allowed.of([allow]))


@pytest.mark.parametrize("word", ["", "crm internal", "10.0.0.0/99", "1.2.3", "https://crm"])
def test_what_is_neither_a_host_nor_a_network_cannot_be_allowed(word: str) -> None:
    with pytest.raises(ValueError, match="neither a host nor a network"):
        Allowed.of([word])


def test_a_name_that_leads_inside_as_well_is_refused() -> None:
    check_addresses("crm.example", ["8.8.8.8", "2606:4700::1111"], NOBODY)
    for inner in ("10.0.0.1", "::1", "fe80::1%eth0"):
        with pytest.raises(ForbiddenAddressError):
            check_addresses("crm.example", ["8.8.8.8", inner], NOBODY)


def test_a_name_may_lead_into_an_allowed_network_or_be_allowed_itself() -> None:
    check_addresses("crm.example", ["10.0.0.1"], Allowed.of(["10.0.0.0/8"]))
    check_addresses("crm.example", ["10.0.0.1"], Allowed.of(["crm.example"]))
    with pytest.raises(ForbiddenAddressError):
        check_addresses("crm.example", ["10.0.0.1", "127.0.0.1"], Allowed.of(["10.0.0.0/8"]))


def test_the_inside_ends_where_the_registries_say() -> None:
    edges = {
        "9.255.255.255": True,
        "11.0.0.0": True,
        "100.63.255.255": True,
        "100.128.0.0": True,
        "172.15.255.255": True,
        "172.32.0.0": True,
        "223.255.255.255": True,
        "168.63.129.15": True,
        "2001:200::": True,
        "3ffe:ffff::": True,
        "4000::": False,
        "1fff::": False,
    }

    assert {edge: is_public(edge) for edge in edges} == edges
