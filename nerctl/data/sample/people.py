"""Names of people in the built-in sample: real surnames and given-name characters, put together at random.

Nobody is meant: a name that somebody bears is a coincidence.
"""

from __future__ import annotations

import random

from nerctl.data.sample.words import words

# In order of frequency in China (Ministry of Public Security, name report of 2020, first hundred, abridged).
_SURNAMES = list(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢"
    "姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常"
)
_COMPOUND_SURNAMES = words("欧阳 司马 上官 诸葛 慕容 令狐")
_GIVEN = list(
    "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂华玉萍红梅建国文辉力健俊帆云飞鹏宇浩轩然欣怡佳琪雨婷雪"
    "颖慧晨曦瑶璐莹倩梦琳晓东海波志远思博瑞祥嘉诚德福永康立新春生长林家宝庆丰国栋树森少峰培根兆龙振兴宏达锦程"
    "书琴淑珍美凤爱莲翠花月娥子涵梓睿诺若曦可馨诗语亦凡哲彦昊天景行承泽致宁清乐怀安仁义礼信光耀祖世昌"
)
_FOREIGN_FIRST = words(
    """
    约翰 玛丽 大卫 安娜 彼得 保罗 卡洛斯 迈克尔 罗伯特 汤姆 索菲亚 玛利亚 亚历山大 伊万 弗朗西斯科 凯瑟琳
    艾米丽 乔治 查尔斯 路易斯 安德烈 尼古拉 丹尼尔 马克 伊丽莎白 露西 詹姆斯 威廉 理查德 托马斯
    """
)
_FOREIGN_LAST = words(
    """
    史密斯 布朗 约翰逊 威廉姆斯 安德森 罗德里格斯 费尔南德斯 加西亚 马丁内斯 穆勒 施密特 伊万诺夫 彼得罗夫
    科斯塔 席尔瓦 罗西 杜邦 马丁 米勒 泰勒 汤普森 克拉克 刘易斯 沃克 贝克 菲利普斯 卡特 埃文斯 汉森 尼尔森
    库马尔 哈里斯
    """
)


def _chinese_name(rng: random.Random) -> str:
    # The power favours the front of the list: common surnames come often, the others now and then.
    surname = _SURNAMES[int(len(_SURNAMES) * rng.random() ** 1.3)]
    if rng.random() < 0.07:
        surname = rng.choice(_COMPOUND_SURNAMES)
    given = rng.choice(_GIVEN)
    if rng.random() < 0.72:
        given += rng.choice(_GIVEN)
    return surname + given


def _foreign_name(rng: random.Random) -> str:
    last = rng.choice(_FOREIGN_LAST)
    return last if rng.random() < 0.4 else rng.choice(_FOREIGN_FIRST) + "·" + last


def draw_people(rng: random.Random, count: int) -> list[str]:
    """`count` different names, about one in eight of them foreign."""
    names: list[str] = []
    seen = set()
    while len(names) < count:
        name = _foreign_name(rng) if rng.random() < 0.12 else _chinese_name(rng)
        if name not in seen:
            seen.add(name)
            names.append(name)
    return names
