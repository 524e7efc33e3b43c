"""Text to be spoken: sentences from templates, numbers, lists, and words that don't exist.

A codec needs to hear every sound of speech in every surrounding, not sense. English sentences come
from a small grammar; pseudo-words strung from a language's onsets, vowels and codas cover the
clusters that the grammar lacks, and let a synthesiser speak languages of which we have no text.

Left out: prosody marks, abbreviations, and any text that somebody else wrote.
"""

from __future__ import annotations

import numpy as np

__all__ = ["LANGUAGES", "english", "pseudo_words"]

_SUBJECTS = (
    "the old captain|my neighbour|a young violinist|the committee|our teacher|this machine|"
    "the quiet gardener|every student|nobody here|the baker's daughter|a tired judge|"
    "the whole village|his voice|the yellow submarine|professor jones|the weather forecast|"
    "she|he|they|we|both brothers|your cousin|that huge elephant|the fishermen|some visitors|"
    "my youngest sister|an honest lawyer|the thirsty traveller|who|the eighth passenger"
).split("|")
_VERBS = (
    "carefully measured|never understood|shouted at|quietly followed|bought|sold|"
    "has been watching|could not find|will probably fix|just forgot|whispered about|painted|"
    "borrowed|jumped over|asked for|threw away|is listening to|should have checked|wrote down|"
    "argued with|would rather choose|enjoyed|can't describe|hid|mixed up|gave us|touched|"
    "laughed at|weighed|pushed"
).split("|")
_OBJECTS = (
    "the broken bridge|six fresh fish|an orange umbrella|the judge's choice|"
    "a thousand tiny stars|those strange noises|the zoo by the river|a cup of hot chocolate|"
    "the shipping schedule|good advice|this new engine|thirty three thick thistles|"
    "a letter from france|the measure of pleasure|every single page|the azure vision|"
    "some very loud music|the jazz quartet|an early breakfast|the church choir|"
    "a box of mixed biscuits|the smooth wooden floor|four heavy suitcases|both halves of it|"
    "the village clock|a pair of woollen gloves|the usual excuses|her violet scarf|"
    "the oily rag|a rather thin soup"
).split("|")
_TAILS = (
    "before midnight|in nineteen eighty four|without a good reason|near the edge of town|"
    "for about twenty minutes|and nobody noticed|because it was raining|at half past eleven|"
    "under the kitchen table|while the children slept|with surprising speed|on a dusty road|"
    "again and again|but only on thursdays|as usual|if you ask me|despite the noise|"
    "over the telephone|in a low voice|all at once|after the thaw|on the seventh of june|"
    "through the thick fog|beyond the harbour wall|yes, really|with both hands|"
    "during the long winter|along the beach|for the first time|just in case"
).split("|")

#: Syllables of each language: onsets, vowels, codas. Scripts that write whole syllables use the
#: first list alone. Codes are those of eSpeak NG.
_SYLLABLES: dict[str, tuple[str, str, str]] = {
    "en-us": (
        "b c d f g h j k l m n p r s t v w z ch sh th st tr pl gr br fl sk kr sp dr str y qu",
        "a e i o u ai ee oo ou ea oi au ie igh ow",
        "- - n r s t l m k nd st sh ng th ck ft mp lk",
    ),
    "de": (
        "b d f g h j k l m n p r s t w z sch st sp pf tr br kn zw fl gr schl",
        "a e i o u ä ö ü ei au eu ie",
        "- - n r s t l m ch cht nd rst ng sch tz",
    ),
    "fr": (
        "b c d f g j l m n p r s t v ch gr pl br tr gn",
        "a é è i o u ou on an in eau oi eu ui",
        "- - - r s l t che ne ge",
    ),
    "es": (
        "b c d f g j l ll m n ñ p r rr s t v ch tr br pl",
        "a e i o u ie ue ai á ó",
        "- - - n s r l",
    ),
    "it": ("b c d f g l m n p r s t v z gl gn sc tr br ch", "a e i o u ia io uo", "- - - - n r l"),
    "pl": (
        "b c cz d dz f g h j k l ł m n p r rz s sz t w z ż ź ć ś prz szcz trz",
        "a e i o u y ą ę ó",
        "- - n r s sz ch t k ć ść m",
    ),
    "pt-br": (
        "b c d f g j l lh m n nh p r s t v ch tr br",
        "a e i o u ão õe ei ou á",
        "- - - s r m",
    ),
    "sv": (
        "b d f g h j k l m n p r s t v sj tj sk st tr br",
        "a e i o u y å ä ö",
        "- n r s t l ng",
    ),
    "nl": (
        "b d f g h j k l m n p r s t v w z sch gr st",
        "aa e ij o u oe ui eu ou",
        "- n r s t l cht ng",
    ),
    "fi": ("h j k l m n p r s t v", "a e i o u y ä ö aa ee uu ää ie uo yö", "- - n s t l r kk tt"),
    "tr": ("b c ç d f g h j k l m n p r s ş t v y z", "a e ı i o ö u ü", "- - n r l k m ş"),
    "cs": (
        "b c č d ď f h ch j k l m n ň p r ř s š t v z ž st",
        "a e i o u á é í ě ů",
        "- n k t l r st",
    ),
    "hu": (
        "b c cs d f g gy h j k l m n ny p r s sz t v z zs",
        "a á e é i o ö ő u ü ű",
        "- n k t r l gy",
    ),
    "ro": ("b c d f g j l m n p r s ș t ț v z", "a e i o u ă â ea oa", "- - n r t l ști"),
    "da": ("b d f g h j k l m n p r s t v st sk", "a e i o u y æ ø å", "- - n r d g l"),
    "vi": (
        "b c ch d đ g h kh l m n ng nh ph qu s t th tr v x",
        "a ă â e ê i o ô ơ u ư á à ả ã ạ ố",
        "- n ng m t c nh",
    ),
    "sw": ("b ch d f g h j k l m mb n nd ng ny p r s sh t v w y z", "a e i o u", "-"),
    "cy": ("b c ch d dd f ff g h l ll m n p r rh s t th", "a e i o u w y aw wy", "- - n r s th ll"),
    "ru": (
        "б в г д ж з к л м н п р с т ф х ц ч ш щ ст тр пр",
        "а е ё и о у ы э ю я",
        "- - н р л с т й м к",
    ),
    "uk": ("б в г ґ д ж з к л м н п р с т ф х ц ч ш щ", "а е є и і ї о у ю я", "- - н р л с т й"),
    "el": ("β γ δ ζ θ κ λ μ ν ξ π ρ σ τ φ χ ψ μπ ντ στ", "α ε η ι ο υ ου αι ει", "- - - ν ς"),
    "hi": ("क ख ग घ च छ ज झ ट ठ ड ढ त थ द ध न प फ ब भ म य र ल व श स ह", "ा ि ी ु ू े ै ो ौ -", "- - ं"),
    "ar": ("ب ت ث ج ح خ د ذ ر ز س ش ص ض ط ظ ع غ ف ق ك ل م ن ه", "ا ي و َ ِ ُ", "- - ن ر ل م"),
    "ka": ("ბ გ დ ვ ზ თ კ ლ მ ნ პ ჟ რ ს ტ ფ ქ ღ ყ შ ჩ ც ძ წ ჭ ხ ჯ ჰ", "ა ე ი ო უ", "- - ნ ს რ"),
    "ta": ("க ச ட த ப ம ய ர ல வ ந ன ள ண", "ா ி ீ ு ூ ெ ே ை ொ -", "-"),
    "ja": (
        "あ い う え お か き く け こ さ し す せ そ た ち つ て と な に ぬ ね の は ひ ふ へ ほ ま み む め も "
        "や ゆ よ ら り る れ ろ わ ん が ぎ ぐ げ ご ざ じ ず だ で ど ば び ぶ べ ぼ きゃ しゅ ちょ りょ",
        "-",
        "-",
    ),
    "ko": (
        "가 나 다 라 마 바 사 아 자 차 카 타 파 하 고 노 도 로 모 보 소 오 조 초 구 누 두 루 무 부 수 우 주 "
        "그 는 들 를 은 을 간 난 단 말 밥 산 안 잔 한 곳 놓 닭 물 봄 손 옷 집 책 꿈 때 빵 쌀 짝 의 워",
        "-",
        "-",
    ),
    "cmn": (
        "的 一 是 不 了 人 我 在 有 他 这 中 大 来 上 国 个 到 说 们 为 子 和 你 地 出 道 也 时 年 得 就 那 要 下 "
        "以 生 会 自 着 去 之 过 家 学 对 可 她 里 后 小 么 心 多 天 而 能 好 都 然 没 日 于 起 还 发 成 事 只 作 "
        "当 想 看 文 无 开 手 十 用 主 行 方 又 如 前 所 本 见 经 头 面 公 同 三 已 老 从 动 两 长 女 鱼 春 雪",
        "-",
        "-",
    ),
}
LANGUAGES = tuple(_SYLLABLES)


def english(rng: np.random.Generator) -> str:
    """Return one English utterance: a sentence, pseudo-words, numbers, or a list of phrases.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    str
        Text that ends in a punctuation mark.

    Examples
    --------
    >>> import numpy as np
    >>> english(np.random.default_rng(3))[-1] in ".?!"
    True
    """
    kind = rng.random()
    if kind < 0.55:
        words = " ".join(_pick(rng, part) for part in (_SUBJECTS, _VERBS, _OBJECTS, _TAILS))
    elif kind < 0.75:
        return pseudo_words(rng, "en-us")
    elif kind < 0.87:
        figures = (rng.integers(high) for high in (10_000, 100, 1_000_000))
        words = _pick(rng, _SUBJECTS) + ". " + ", ".join(str(number) for number in figures)
    else:
        words = ", ".join(_pick(rng, _TAILS) for _ in range(3))
    return words + _pick(rng, (".", ".", "?", "!"))


def pseudo_words(rng: np.random.Generator, language: str) -> str:
    """Return words that obey a language's syllables and mean nothing.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    language : str
        One of `LANGUAGES`.

    Returns
    -------
    str
        Four to eleven words in the language's script.

    Raises
    ------
    ValueError
        If the language has no inventory here.

    Examples
    --------
    >>> import numpy as np
    >>> len(pseudo_words(np.random.default_rng(0), "fi").split()) >= 4
    True
    """
    if language not in _SYLLABLES:
        raise ValueError(f"language must be one of {', '.join(LANGUAGES)}, got {language!r}")
    parts = [part.split() for part in _SYLLABLES[language]]

    def word() -> str:
        syllables = ("".join(_pick(rng, part) for part in parts) for _ in range(rng.integers(1, 4)))
        return "".join(syllables).replace("-", "")

    words = [word() for _ in range(rng.integers(4, 12))]
    pause = int(rng.integers(1, len(words)))
    words[pause - 1] += ","
    return " ".join(words) + _pick(rng, (".", ".", "?", "!"))


def _pick(rng: np.random.Generator, items: list[str] | tuple[str, ...]) -> str:
    return items[int(rng.integers(len(items)))]
