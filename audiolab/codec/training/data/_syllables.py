"""Onsets, vowels and codas of languages, in the script that a synthesiser reads."""

from __future__ import annotations

__all__ = ["SYLLABLES"]

#: Syllables of each language: onsets, vowels, codas. Scripts that write whole syllables use the
#: first list alone. Codes are those of eSpeak NG.
SYLLABLES: dict[str, tuple[str, str, str]] = {
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
        "あ い う え お か き く け こ さ し す せ そ た ち つ て と な に ぬ ね の は ひ ふ "
        "へ ほ ま み む め も "
        "や ゆ よ ら り る れ ろ わ ん が ぎ ぐ げ ご ざ じ ず だ で ど ば び ぶ べ ぼ きゃ "
        "しゅ ちょ りょ",
        "-",
        "-",
    ),
    "ko": (
        "가 나 다 라 마 바 사 아 자 차 카 타 파 하 고 노 도 로 모 보 소 오 조 초 구 누 두 루 "
        "무 부 수 우 주 "
        "그 는 들 를 은 을 간 난 단 말 밥 산 안 잔 한 곳 놓 닭 물 봄 손 옷 집 책 꿈 때 빵 쌀 "
        "짝 의 워",
        "-",
        "-",
    ),
    "cmn": (
        "的 一 是 不 了 人 我 在 有 他 这 中 大 来 上 国 个 到 说 们 为 子 和 你 地 出 道 也 "
        "时 年 得 就 那 要 下 "
        "以 生 会 自 着 去 之 过 家 学 对 可 她 里 后 小 么 心 多 天 而 能 好 都 然 没 日 于 "
        "起 还 发 成 事 只 作 "
        "当 想 看 文 无 开 手 十 用 主 行 方 又 如 前 所 本 见 经 头 面 公 同 三 已 老 从 动 "
        "两 长 女 鱼 春 雪",
        "-",
        "-",
    ),
}
