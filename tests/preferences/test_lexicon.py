import re
from dataclasses import replace

import pytest

from preferences.catalogue import Catalogue, load_catalogue
from preferences.lexicon.channels import wishes
from preferences.lexicon.signals import (
    answered,
    grief,
    is_no_grief,
    is_no_stop,
    recipient,
    short_act,
    stops,
)
from preferences.lexicon.words import bare, is_slip, signs
from preferences.texts import LOCALES
from preferences.understanding import Guess, Heard, Reading, gives_permission, read
from preferences.voice import load_voice
from tests.preferences.scenes import an_ask

CHANNELS: Catalogue = load_catalogue()
CHANNEL_ASK = replace(an_ask("question"), question="channel_preference", choices=())


def meant(text: str, *guesses: Guess) -> Reading:
    return read(Heard(text, guesses), None, CHANNELS)


def asked(text: str, *guesses: Guess) -> Reading:
    return read(Heard(text, guesses), CHANNEL_ASK, CHANNELS)


@pytest.mark.parametrize(
    "text",
    [
        "please stop sending me these",
        "we're done. don't write.",
        "you had my yes in May. you don't have it now.",
        "no mails, keine SMS, keine Anrufe, keine Fragen",
        "lasst mi in friedn",
        "Entfernen Sie mich aus Ihrer Kundenansprache",
        "fue sin querer, anúlenlo y no me pregunten más",
        "STOP MESSAGING ME!!!",
        "stopppp",
        "unsubscibe",
        "stpo pls",
        "don't contact me any more",
        "I hereby withdraw my consent",
        "leave me in peace",
        "no me escribas más",
        "quiero darme de baja",
        "retiro mi consentimiento",
        "hör endlich auf",
        "lasst mich bitte in Ruhe",
        "ich widerrufe meine Einwilligung",
        "basta, no more messages",
        "no further contact is desired",
        "under the GDPR I withdraw from this",
        "ich entziehe Ihnen hiermit meine Einwilligung",
        "bitte nicht mehr anschreiben",
        "weitere Nachrichten sind unerwünscht",
        "ejerzo mi derecho de oposición",
        "mi consentimiento queda sin efecto",
        "no me busquéis nunca más",
        "abmeldne bitte, und zwar gleich",
        "no email, no texts, no calls, nothing",
        "I'd be relieved if these notes ceased altogether",
        "stop blowing up my phone",
        "don't you dare speak to me again",
        "you no longer have my permission",
        "zero communication from now on please",
        "deja ya de dar la lata",
        "no vuelvan a dirigirse a mí",
        "sáquenme ya de sus listas",
        "cero mensajes a partir de hoy",
        "ich will von euch nix mehr hören",
        "kein Bock mehr auf eure Nachrichten",
        "mein Einverständnis endet heute",
        "hört jetzt mit alledem auf",
        "can you please make these stop?",
        "cease and desist.",
        "you can't use my answers any longer",
        "I agreed to this by mistake",
        "me arrepiento de haber aceptado",
        "acepté sin querer, anúlalo",
        "cesen los envíos",
        "¡nunca más!",
        "ich habe aus Versehen zugestimmt, macht das rückgängig",
        "das hier ist Belästigung",
        "nie wieder!",
    ],
)
def test_a_wish_to_end_it_is_one_whatever_the_model_thinks(text: str) -> None:
    assert meant(text, Guess("thank", 0.99)).act == "stop"


def test_a_word_of_stopping_stops_alone_too() -> None:
    assert stops("Stopp!")


@pytest.mark.parametrize(
    "text",
    [
        "the bus stop is round the corner",
        "I can't stop wearing them",
        "please cancel my order",
        "no paro de ponérmelos",
        "wo ist die Haltestelle",
        "wann hört der Schlussverkauf auf",
        "die Flecken müssen weg",
        "wie oft muss ich das gießen",
        "warum schreibt ihr mir nicht mehr",
        "das Regal reicht bis oben",
        "I got no messages at all from the courier",
        "does the stain come off permanently",
        "don't send me the wrong size again",
        "I think it was the last one",
        "what if it stopped altogether",
        "sácame de dudas: ¿encoge?",
        "no me llegó ni un mensaje",
        "cuando acaben las vacaciones",
        "shop",
        "for my mother",
    ],
)
def test_other_uses_of_such_words_end_nothing(text: str) -> None:
    assert not stops(text)


def test_a_model_that_hears_a_stop_in_a_stop_valve_is_not_believed() -> None:
    assert is_no_stop("does it have a stop valve")
    assert (
        meant("does it have a stop valve", Guess("stop", 0.6), Guess("thank", 0.3)).act == "thank"
    )


@pytest.mark.parametrize(
    ("text", "whose"),
    [
        ("my mum died", "person"),
        ("we lost our son in May", "person"),
        ("grandpa past away last nite", "person"),
        ("our cat had to be put to sleep", "pet"),
        ("murió mi abuela", "person"),
        ("se nos murió el perro", "pet"),
        ("meine Oma ist gestern gestorben", "person"),
        ("wir mussten den Hund einschläfern", "pet"),
        ("bin seit kurzem Witwer", "person"),
        ("I want to die", "despair"),
        ("I don't want to wake up tomorrow", "despair"),
        ("ojalá estuviera muerta", "despair"),
        ("ich will nicht mehr leben", "despair"),
        ("we had to say goodbye to our old dog", "pet"),
        ("nos dejó anoche", "person"),
        ("mi difunto marido compraba aquí", "person"),
        ("the chemo starts on Monday", "person"),
        ("der Krebs hat gestreut", "person"),
        ("unser Hase ist über die Regenbogenbrücke gegangen", "pet"),
    ],
)
def test_a_death_is_heard_whatever_the_model_thinks(text: str, whose: str) -> None:
    reading = meant(text, Guess("thank", 0.99))

    assert reading.act == "sensitive_event"
    assert reading.sure
    assert reading.detail == {"kind": whose}


@pytest.mark.parametrize(
    "text",
    [
        "I'm dying to try it",
        "the battery died",
        "drop dead gorgeous",
        "me muero de risa",
        "la batería está muerta",
        "ich lach mich tot",
        "mein Handy ist tot",
        "it is for my mother",
        "a present for my dog",
        "a good book about grief",
        "un libro sobre el duelo",
        "ein Buch über Trauer",
        "what a heavenly scent",
    ],
)
def test_what_only_sounds_like_a_death_is_none(text: str) -> None:
    assert grief(text) is None


def test_a_model_that_mourns_a_battery_is_not_believed() -> None:
    text = "the battery died"

    assert is_no_grief(text)
    assert meant(text, Guess("sensitive_event", 0.7), Guess("complaint", 0.3)).act == "complaint"


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("👍", "affirm"),
        ("👍🏽👍🏽", "affirm"),
        ("👎", "deny"),
        ("🛑", "stop"),
        ("🙏", "thank"),
        ("👋", "greet"),
        ("🤷", "dont_know"),
        ("🤷‍♀️", "dont_know"),
        ("idk", "dont_know"),
        ("Egal", "no_preference"),
        ("¿por qué?", "ask_why"),
        ("k", "unsure"),
        ("👍👎", None),
        ("🧦", None),
        ("a long sentence", None),
    ],
)
def test_what_is_too_short_for_a_model_has_its_meaning(text: str, act: str | None) -> None:
    assert short_act(text) == act


@pytest.mark.parametrize(
    "text",
    ["👍", "✅", "ok cool", "k", "if you must", "vale vale", "von mir aus", "ja...", "yes?", "sí…"],
)
@pytest.mark.parametrize("kind", ["consent", "erase"])
def test_nothing_half_hearted_gives_permission(text: str, kind: str) -> None:
    heard = Heard(text, (Guess("affirm", 0.99),))

    assert not gives_permission(heard, an_ask(kind))


@pytest.mark.parametrize(
    ("text", "channel", "polarity"),
    [
        ("I'd rather you didn't email me, text me instead", "sms", "wants"),
        ("you needn't phone, whatsapp is better", "whatsapp", "wants"),
        ("please don't text, email me instead", "email", "wants"),
        ("not email, use whatsapp", "whatsapp", "wants"),
        ("I'd rather get a text than an email", "sms", "wants"),
        ("lieber eine Mail statt Anrufe", "email", "wants"),
        ("prefiero whatsapp en vez de llamadas", "whatsapp", "wants"),
        ("from now on write me by snail mail, not on my phone", "post", "wants"),
    ],
)
def test_a_channel_that_is_liked_better_is_understood_unasked(
    text: str, channel: str, polarity: str
) -> None:
    reading = meant(text, Guess("stop", 0.5))

    assert (reading.act, reading.question) == ("answer", "channel_preference")
    assert (reading.value, reading.polarity) == (channel, polarity)
    assert reading.sure


def test_a_channel_that_is_not_liked_is_understood_unasked() -> None:
    reading = meant("I'm not a fan of being called", Guess("stop", 0.5))

    assert (reading.value, reading.polarity) == ("phone", "does_not_want")


@pytest.mark.parametrize(
    ("text", "channel"),
    [
        ("you can always ping me on whatsapp", "whatsapp"),
        ("schreibt mir über WhatsApp", "whatsapp"),
        ("Sie dürfen mich gern anrufen", "phone"),
        ("me podéis... mejor avisadme por correo", "email"),
    ],
)
def test_an_invitation_is_no_end_of_a_channel(text: str, channel: str) -> None:
    reading = meant(text, Guess("stop_channel", 0.7))

    assert (reading.act, reading.value, reading.polarity) == ("answer", channel, "wants")


def test_what_is_is_no_whatsapp() -> None:
    assert wishes("what's the catch").statements == ()
    assert [one.value for one in wishes("auf whats bitte").statements] == ["whatsapp"]


def test_every_channel_of_a_sentence_is_stated() -> None:
    reading = meant("please don't text, email me instead")

    assert [(one.value, one.polarity) for one in reading.statements] == [("sms", "does_not_want")]


@pytest.mark.parametrize(
    ("text", "channel"),
    [
        ("stop texting me", "sms"),
        ("no more calls please, the rest is fine", "phone"),
        ("don't call me", "phone"),
        ("keine Mails mehr", "email"),
        ("basta de llamadas", "phone"),
        ("whatsapp bitte nicht mehr", "whatsapp"),
    ],
)
def test_the_end_of_one_channel_is_not_the_end_of_all(text: str, channel: str) -> None:
    reading = meant(text, Guess("stop", 0.9))

    assert (reading.act, reading.value) == ("stop_channel", channel)
    assert reading.polarity == "does_not_want"


@pytest.mark.parametrize(
    "text", ["text me the address of the shop", "schickt mir die Rechnung per mail"]
)
def test_a_channel_that_carries_something_is_no_wish(text: str) -> None:
    assert meant(text, Guess("out_of_scope", 0.9)).act == "out_of_scope"


def test_a_bare_channel_counts_where_the_model_thinks_of_one() -> None:
    guess = Guess("answer", 0.6, "channel_preference", "email")

    assert meant("the whatsapp thing", guess).value == "whatsapp"
    assert meant("the whatsapp thing", Guess("thank", 0.9)).act == "thank"


@pytest.mark.parametrize(
    ("text", "channel", "polarity"),
    [
        ("email", "email", "wants"),
        ("not the phone, my inbox please", "email", "wants"),
        ("anything but calls", "phone", "does_not_want"),
        ("whatsapp lieber nicht", "whatsapp", "does_not_want"),
        ("por wasap", "whatsapp", "wants"),
    ],
)
def test_a_channel_answers_the_question_for_channels(
    text: str, channel: str, polarity: str
) -> None:
    reading = asked(text, Guess("stop_channel", 0.5))

    assert (reading.act, reading.value, reading.polarity) == ("answer", channel, polarity)


@pytest.mark.parametrize(
    "text", ["nothing at all thanks", "none of those", "ninguno", "gar nichts"]
)
def test_no_channel_at_all_is_an_answer_too(text: str) -> None:
    assert asked(text, Guess("no_preference", 0.5)).value == "none"


def test_to_want_no_channel_and_out_of_everything_is_to_stop() -> None:
    assert asked("ninguno, y además quítame de todas partes").act == "stop"


def test_a_question_about_a_channel_is_no_answer() -> None:
    assert asked("why do you want my email", Guess("ask_why", 0.9)).act == "ask_why"
    assert asked("hm", Guess("ask_why", 0.9)).act == "unsure"


def test_what_for_and_how_often_are_kept() -> None:
    reading = asked("email, offers once a month please")

    assert reading.detail == {"purpose": "offers", "often": "monthly"}
    assert reading.purpose == "offers"


def test_a_shop_that_asks_for_no_channel_reads_none() -> None:
    catalogue = CHANNELS.model_copy(update={"questions": {}})

    assert read(Heard("email me instead", (Guess("thank", 0.9),)), None, catalogue).act == "thank"


def test_an_option_that_is_none_has_no_polarity() -> None:
    guess = Guess("answer", 0.9, "channel_preference", "none")

    assert asked("leave it all", guess).polarity is None
    assert asked("leave it all", Guess("answer", 0.9, "channel_preference", "x")).value == "x"


@pytest.mark.parametrize(
    ("word", "meant", "slip"),
    [
        ("stop", "stop", True),
        ("stpo", "stop", True),
        ("sto", "stop", True),
        ("stoop", "stop", True),
        ("stip", "stop", True),
        ("spto", "stop", False),
        ("st", "stop", False),
        ("stoops", "stop", False),
    ],
)
def test_one_slip_of_the_keyboard_is_forgiven(word: str, meant: str, *, slip: bool) -> None:
    assert is_slip(word, meant) == slip


def test_words_are_bare_of_all_haste() -> None:
    assert bare("¡STÓOOOOP! Größe, don't") == "stoop grosse dont"
    assert signs("👍🏽!") == ["👍"]
    assert signs("ok 👍") == []


def test_a_clause_without_a_channel_says_nothing() -> None:
    assert wishes("hello, no").statements == ()


@pytest.mark.parametrize("locale", LOCALES)
def test_no_label_of_an_option_is_taken_for_a_wish_to_stop_or_for_grief(locale: str) -> None:
    for question in CHANNELS.questions.values():
        for option in question.options:
            assert not stops(option.label[locale]), option.label
            assert grief(option.label[locale]) is None, option.label


def test_a_parse_of_rasa_is_heard() -> None:
    parsed = {
        "intent_ranking": [{"name": "answer", "confidence": 0.5, "question": "q", "value": "v"}],
        "entities": [{"entity": "relation", "value": "sister"}],
    }

    heard = Heard.of("words", parsed)

    assert heard == Heard("words", (Guess("answer", 0.5, "q", "v"),), {"relation": "sister"})


@pytest.mark.parametrize(
    "text",
    [
        "I take back my permission",
        "my consent is withdrawn",
        "I no longer agree to this",
        "I don't want any of this",
        "unsubscribe me please",
        "leave me in peace",
        "seriously, stop. I mean it.",
        "how do I turn these questions off?",
        "do not contact me again",
        "basta ya",
        "que no me escribáis más",
        "os quito el permiso",
        "no me vuelvas a preguntar",
        "dejadme tranquila",
        "lass mich in Ruhe",
        "nicht mehr fragen",
        "ich ziehe meine Zusage zurück",
        "meine Erlaubnis habt ihr nicht mehr",
        "hört endlich auf damit",
        "wie melde ich mich ab?",
    ],
)
def test_whoever_withdraws_is_heard_in_any_words(text: str) -> None:
    assert meant(text, Guess("thank", 0.9)).act == "stop"


@pytest.mark.parametrize(
    "text",
    [
        "I'll stop by the shop on Friday",
        "do you offer non-stop delivery?",
        "is there a bus stop near you",
        "can't stop loving these",
        "where do I stop the subscription of coffee?",
        "where do I stop my coffee subscription?",
        "does the watch have a stop function",
        "ask me again tomorrow, that is enough for today",
        "stop sending me the wrong size",
        "¿dónde está la parada de autobús?",
        "no puedo parar de leer",
        "wo ist die nächste Haltestelle",
        "ich kann nicht aufhören zu lesen",
        "für heute reicht's, morgen wieder",
        "why should I stop",
        "ich bin raus aus dem Alter",
        "auf keinem Weg",
        "rather not get into that",
    ],
)
def test_words_of_stopping_about_something_else_are_left_to_the_model(text: str) -> None:
    assert not stops(text)


@pytest.mark.parametrize(
    ("text", "channel"),
    [
        ("turn off the app notifications", "app"),
        ("opt out of texts", "sms"),
        ("unsubscribe from the newsletter only", "email"),
        ("too many emails, please stop those", "email"),
        ("cancel the newsletter", "email"),
        ("desactiva los avisos del móvil", "app"),
        ("quitad los sms", "sms"),
        ("dame de baja del boletín", "email"),
        ("WhatsApp bitte ausstellen", "whatsapp"),
        ("Newsletter abbestellen", "email"),
        ("Anrufe bitte unterlassen", "phone"),
    ],
)
def test_a_channel_that_is_switched_off_is_left(text: str, channel: str) -> None:
    reading = meant(text, Guess("stop", 0.9))

    assert (reading.act, reading.value) == ("stop_channel", channel)


def test_a_channel_is_named_where_only_the_model_heard_that_it_is_left() -> None:
    guess = Guess("stop_channel", 0.9)

    assert meant("whatsapp? my aunt is on it", guess).value == "whatsapp"
    assert meant("not over here", guess).value is None
    assert meant("no sms, no calls, no mail", guess).act == "stop"
    assert meant("no sms please", Guess("stop", 0.9)).act == "stop_channel"


def test_a_called_off_wedding_is_no_phone() -> None:
    assert wishes("my fiancé called it off").statements == ()


def matters(text: str, **thought: float) -> Reading:
    """Read an answer to the question that takes two options, as the model thinks of them."""
    guesses = [Guess("answer", share, "matters_most", name) for name, share in thought.items()]
    return read(Heard(text, tuple(guesses)), None, CHANNELS)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("price and also the quality", ("price", "durability")),
        ("durability, and it should be fairly made", ("durability", "ethics")),
        ("barato y que dure", ("price", "durability")),
        ("günstig und robust", ("price", "durability")),
    ],
)
def test_every_option_that_a_clause_names_is_read(text: str, values: tuple[str, ...]) -> None:
    reading = matters(text, price=0.35, durability=0.4, ethics=0.25)

    assert (reading.value, reading.values) == (",".join(values), values)
    assert reading.sure == (reading.confidence >= 0.55)


@pytest.mark.parametrize(
    "text",
    [
        "price, not the quality",
        "a fair price",
        "price, maybe quality",
        "the price and what my wife thinks",
    ],
)
def test_a_clause_that_denies_doubts_or_names_two_is_not_guessed(text: str) -> None:
    assert matters(text, price=0.5, durability=0.3, ethics=0.2).values == ("price",)


def test_an_option_that_the_model_does_not_think_of_is_not_added() -> None:
    assert matters("price and quality", price=0.9).values == ("price",)
    assert matters("price and quality", price=0.1, durability=0.1, ethics=0.8).values == ("ethics",)


def test_a_question_that_takes_one_option_gets_one() -> None:
    guesses = (
        Guess("answer", 0.5, "gift_or_self", "gift"),
        Guess("answer", 0.4, "gift_or_self", "self"),
    )

    assert read(Heard("a gift and for me", guesses), None, CHANNELS).values == ("gift",)


@pytest.mark.parametrize(
    "text",
    [
        "we had to let our cat go last week",
        "my mum has cancer",
        "my husband left me",
        "tuvimos que sacrificarla, mi perrita",
        "a mi padre le han dicho que ya no hay nada que hacer",
        "wir mussten unsere Katze gehen lassen",
        "am Donnerstag wird mein Bruder beigesetzt",
    ],
)
def test_loss_is_heard_in_softer_words(text: str) -> None:
    assert grief(text) is not None


@pytest.mark.parametrize(
    ("text", "whose"),
    [
        ("no jeans for me now, my sister died", "person"),
        ("the laptop, the phone, all of it can wait: we lost my dad", "person"),
        ("die Schuhe passen, aber mein Bruder ist am Berg abgestürzt", "person"),
        ("la batería da igual. falleció mi abuelo", "person"),
        ("unser kater is überfaren worden und tod", "pet"),
        ("s grosi isch gange", "person"),
        ("my jeans died", None),
        ("the film “My sister died” on DVD?", None),
        ("new phone number, the old one is dead", None),
        ("la tele vieja estiró la pata", None),
    ],
)
def test_things_that_died_beside_do_not_hide_a_death(text: str, whose: str | None) -> None:
    assert grief(text) == whose


@pytest.mark.parametrize(
    "text",
    [
        "my laptop had a stroke lol",
        "rip my wallet",
        "cuentos para dormir a mi hijo",
        "la curiosidad mató al gato, ¿qué hay dentro?",
    ],
)
def test_what_only_sounds_like_loss_is_none(text: str) -> None:
    assert grief(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "no more from you people please",
        "would rather not hear from your store any more",
        "unsubscrbe me from all of it",
        "I've changed my mind about being contacted",
        "quit buzzin me up all day",
        "end this and never start again",
        "estoy harta de vuestras preguntas",
        "no sigan escribiendo",
        "bórrenme de todos los envíos",
        "dejen de fastidiar",
        "wie werde ich euch los?",
        "verschwindet aus meinem Handy",
        "ich hab euch so satt",
        "setzt mich auf die Sperrliste",
    ],
)
def test_families_of_ending_it_are_heard(text: str) -> None:
    assert meant(text).act == "stop"


@pytest.mark.parametrize(
    "text",
    [
        "give it a rest till next week, I have guests",
        "eine halbe Stunde Ruhe im Karton wäre schön",
        "a feeder that works while I'm out",
        "can you not ship to Ireland?",
    ],
)
def test_a_rest_or_an_absence_ends_nothing(text: str) -> None:
    assert not stops(text)


@pytest.mark.parametrize(
    ("text", "whose"),
    [
        ("dad's funeral is tomorrow", "person"),
        ("we came back from the funeral an hour ago", "person"),
        ("she has only a few weeks left", "person"),
        ("I just can't go on any more", "despair"),
        ("venimos del entierro", "person"),
        ("nos dejó en marzo", "person"),
        ("ya no tiene sentido seguir viviendo", "despair"),
        ("Mama hat nur noch zwei Wochen", "person"),
        ("ich will nur noch tot sein", "despair"),
        ("the lady it was for is no longer with us", "person"),
        ("we had her diagnosed with MS last week", "person"),
        ("le han detectado un tumor a mi madre", "person"),
        ("mi abuela se nos fue anoche", "person"),
        ("Diagnose Lungenkrebs, gestern", "person"),
        ("sie ist nicht mehr aufgewacht", "person"),
        ("unser Kater wurde überfahrn", "pet"),
    ],
)
def test_illness_and_death_are_heard_by_their_families_of_words(text: str, whose: str) -> None:
    assert grief(text) == whose


@pytest.mark.parametrize(
    ("text", "wanted", "refused"),
    [
        ("nicht per SMS, sondern per Mail", ("email",), ("sms",)),
        ("nicht anrufen sondern WhatsApp", ("whatsapp",), ("phone",)),
        ("no por correo sino por whatsapp", ("whatsapp",), ("email",)),
        ("no calls but texts are fine", ("sms",), ("phone",)),
        ("als Push in der App", ("app",), ()),
        ("lieber per Mail als per SMS", ("email",), ("sms",)),
        ("anything but phone calls", (), ("phone",)),
        ("bin the emails", (), ("email",)),
        ("Messenger könnt ihr vergessen", (), ("messenger",)),
        ("basta con un sms", ("sms",), ()),
    ],
)
def test_a_word_of_contrast_turns_the_wish(
    text: str, wanted: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    said = wishes(text)

    assert (said.of("wants"), said.of("does_not_want")) == (wanted, refused)


@pytest.mark.parametrize(
    ("text", "whom"),
    [
        ("the scarf is for me, I'm always cold", "self"),
        ("hab ich mir selbst gegönnt", "self"),
        ("es para mí, me lo merezco", "self"),
        ("for all of us at home", "household"),
        ("für mich und meine Frau", "household"),
        ("para mi marido y para mí", "household"),
        ("para mi hermana", None),
        ("for me to give to my aunt", None),
    ],
)
def test_for_whom_is_told_without_a_name(text: str, whom: str | None) -> None:
    assert recipient(text) == whom


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("nope, just the two of us", "deny"),
        ("para nada, vivo sola", "deny"),
        ("aye, every month", "affirm"),
        ("ja freilich, für alle", "affirm"),
        ("ja ja, wer's glaubt", None),
        ("sure, in your dreams", None),
        ("nothing of the kind", None),
    ],
)
def test_how_an_answer_begins_is_a_yes_or_a_no(text: str, act: str | None) -> None:
    assert answered(text) == act


def test_where_yes_or_no_was_asked_the_first_word_counts() -> None:
    ask = replace(an_ask("question"), question="team_orders", choices=())
    guesses = (Guess("not_relevant", 0.6), Guess("deny", 0.2), Guess("affirm", 0.1))

    assert read(Heard("no, I live alone", guesses), ask, CHANNELS).act == "deny"
    assert read(Heard("who, me?", guesses), ask, CHANNELS).act == "not_relevant"


def test_the_wording_of_an_option_answers_the_question_it_belongs_to() -> None:
    ask = replace(an_ask("question"), question="gift_or_self", choices=())
    option = CHANNELS.questions["gift_or_self"].option("household")
    words = option.examples["en"][0]

    reading = read(Heard(words.upper(), (Guess("out_of_scope", 0.9),)), ask, CHANNELS)

    assert (reading.act, reading.value, reading.sure) == ("answer", "household", True)
    assert read(Heard(words, (Guess("out_of_scope", 0.9),)), None, CHANNELS).act == "out_of_scope"


WISHES = {"stop", "start", "erase_data", "ask_data", "handoff", "decline"}
QUOTED = re.compile(r"[“„]([^“”„{}]+)[”“]")


def told_to_write() -> set[str]:
    """Every phrase that the assistant puts into quotes, for shoppers to write it."""
    spoken = [text for page in load_voice("Corner Shop").pages.values() for text in page.values()]
    texts = [sentence for variants in spoken for sentence in variants]
    for question in CHANNELS.questions.values():
        texts += [*question.unclear.values(), *question.give.values()]
        texts += [text for option in question.options for text in option.give.values()]
    texts += [text for one in CHANNELS.purposes.values() for text in one.wording.values()]
    return {phrase for text in texts for phrase in QUOTED.findall(text)}


def test_what_shoppers_are_told_to_write_is_understood_beyond_doubt() -> None:
    phrases = told_to_write()

    assert {"stop", "olvídame", "einen Menschen", "qué sabes de mí", "rather not say"} <= phrases
    for phrase in phrases:
        for text in (phrase, phrase.lower(), f"{phrase}."):
            reading = meant(text)
            assert (reading.act in WISHES, reading.sure) == (True, True), text
