"""Organisation names of the built-in sample: a place, sometimes a made-up brand, and what it is.

The place is part of the name, so the boundary matters: 杭州 is a LOC, 杭州市教育局 is one ORG.
"""

from __future__ import annotations

import random

from nerctl.data.sample.places import with_suffix
from nerctl.data.sample.words import words

_BRAND_FIRST = list("华恒鑫瑞泰盛宏嘉博远信达康立永金凯联新中天海东南")
_BRAND_SECOND = list("达源通泰盛宇和丰隆茂辉升创科业邦美诚润星腾图")
_INDUSTRIES = words(
    """
    科技 电子 食品 建筑 纺织 服装 机械 汽车 贸易 物流 能源 化工 生物 医药 软件 网络 文化传媒 教育 旅游 农业
    钢铁 水泥 造纸 家具 环保 房地产 投资 保险 航空 航运 矿业 电力 信息技术 智能装备 新材料
    """
)
_COMPANY_ENDINGS = words("有限公司 有限公司 股份有限公司 集团 公司 有限责任公司 厂")

ENDINGS: dict[str, list[str]] = {
    "school": words(
        """
        大学 大学 师范大学 理工大学 医科大学 农业大学 财经大学 职业技术学院 第一中学 第二中学 实验中学
        外国语学校 实验小学 中心小学 第三中学 高级中学 工业大学 科技大学 艺术学院
        """
    ),
    "hospital": words(
        """
        人民医院 第一人民医院 中医院 儿童医院 中心医院 妇幼保健院 第二医院 肿瘤医院 口腔医院
        """
    ),
    "office": words(
        """
        教育局 公安局 气象局 财政局 税务局 人民法院 卫生健康委员会 发展和改革委员会 市场监督管理局
        生态环境局 文化和旅游局 交通运输局 水利局 农业农村局 统计局 人民政府 体育局 民政局 应急管理局
        消防支队 图书馆 博物馆
        """
    ),
    "bank": words("银行 农村商业银行 商业银行 信用社 证券公司"),
    "media": words("日报社 晚报社 电视台 广播电台 新闻网 都市报社 出版社"),
    "club": words(
        """
        足球俱乐部 篮球俱乐部 女排 男篮 足球队 乒乓球俱乐部 登山协会 作家协会 书法家协会
        """
    ),
}
"""Kind of organisation -> what follows the place."""

NATIONAL: dict[str, list[str]] = {
    "school": words("北方交通学院 中央戏剧学院 国防科技大学 中国农业大学 中央音乐学院 外交学院"),
    "hospital": words("协和医院 同仁医院 解放军总医院"),
    "office": words(
        """
        国家统计局 教育部 外交部 财政部 商务部 国家林业和草原局 国家邮政局 中国气象局 最高人民法院 水利部
        交通运输部 世界卫生组织 联合国 国际奥委会 世界银行 欧盟委员会 中国科学院 中国红十字会 国务院
        全国总工会
        """
    ),
    "bank": words("中国人民银行 交通银行 国家开发银行 中国农业银行 招商银行"),
    "media": words("新华社 人民日报社 中央电视台 光明日报社 路透社 法新社 商务印书馆 三联书店"),
    "club": words("中国足球协会 中国女排 国际足联 皇家马德里 国际田联 中国作家协会"),
}
"""Kind of organisation -> names that begin with no place of the lists."""

# Offices take the place's full name (杭州市教育局), the others mostly the bare one (杭州大学).
_PLACE_ENDINGS = {"province": "省", "city": "市", "county": "县", "district": "区"}


def draw_brand(rng: random.Random) -> str:
    """A made-up short name of a company, two characters."""
    return rng.choice(_BRAND_FIRST) + rng.choice(_BRAND_SECOND)


def _place_part(rng: random.Random, kind: str, stems: dict[str, list[str]]) -> str:
    place_kind = rng.choice(["province", "city", "city", "city", "county", "district"])
    stem = rng.choice(stems[place_kind])
    if kind != "office" and place_kind in ("province", "city") and rng.random() < 0.75:
        return stem
    return with_suffix(stem, _PLACE_ENDINGS[place_kind])


def draw_organisation(rng: random.Random, kind: str, stems: dict[str, list[str]], national: dict[str, list[str]]) -> str:
    """One name of `kind` (company, school, hospital, office, bank, media, club).

    `stems` (kind of place -> names) and `national` (kind of organisation -> names) may be drawn from.
    """
    if kind == "company":
        place = rng.choice(stems["province"] + stems["city"] * 2) if rng.random() < 0.75 else ""
        brand = draw_brand(rng) if rng.random() < 0.8 or not place else ""
        return place + brand + rng.choice(_INDUSTRIES) + rng.choice(_COMPANY_ENDINGS)
    if national.get(kind) and rng.random() < 0.08:
        return rng.choice(national[kind])
    return _place_part(rng, kind, stems) + rng.choice(ENDINGS[kind])
