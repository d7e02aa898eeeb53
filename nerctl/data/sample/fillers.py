"""What fills the slots of a sentence pattern that are no names: dates, numbers, things, verbs of saying."""

from __future__ import annotations

import random
from typing import Callable

from nerctl.data.sample.ambiguous import ADVERBS, NOTIONS, THINGS
from nerctl.data.sample.words import words

_WORDS: dict[str, list[str]] = {
    "adverb": ADVERBS,
    "thing": THINGS,
    "notion": NOTIONS,
    "say": words("说 表示 指出 介绍说 告诉记者 认为 强调 回忆说 解释说 坦言 透露"),
    "announce": words("宣布 发布消息称 通报说 公布数据显示 表示 发出通知"),
    "title": words(
        """
        主任 副主任 经理 主席 秘书长 发言人 负责人 顾问 代表 工程师 研究员 工作人员 会计 总裁
        """
    ),
    "job": words(
        """
        老师 司机 画家 作家 歌手 护士 演员 厨师 律师 农民 球员 志愿者 摄影师 科学家 诗人 木匠 快递员 设计师
        导演
        """
    ),
    "kin": words("妻子 丈夫 儿子 女儿 父亲 母亲 同学 邻居 学生 朋友 徒弟 同事 奶奶 爷爷"),
    "topic": words(
        """
        人工智能 新能源 环境保护 教育改革 粮食安全 城市交通 垃圾分类 养老服务 食品安全 数字经济 乡村旅游
        疾病预防 消费 高等教育 水资源管理 文物保护 青少年体育 电子商务 就业 春运
        """
    ),
    "event": words(
        """
        运动会 论坛 展览会 音乐会 研讨会 马拉松比赛 艺术节 书展 电影节 招聘会 座谈会 培训班 年会 开幕式
        博览会 发布会 毕业典礼 锦标赛 冬令营 读书会
        """
    ),
    "product": words(
        """
        手机 汽车 软件 茶叶 大米 水果 疫苗 电池 芯片 机器人 服装 家具 冰箱 拖拉机 大豆 药品 无人机 地图 饼干
        皮鞋
        """
    ),
    "work": words(
        """
        《春天的故事》 《大海》 《远方》 《平凡的一天》 《雨后》 《山路》 《灯火》 《十年》 《归来》
        《童年》
        """
    ),
    "weather": words("大雨 暴雪 大雾 高温 大风 小雨 雷雨 寒潮 沙尘天气 台风"),
    "latin": words("GDP CPI AI App ISO9001 5G KPI WiFi PPT VR CEO IPO PM2.5 DNA MBA Python Excel"),
    "weekday": words("周一 周二 周三 周四 周五 周六 周日 星期天 本周末"),
    "time": words(
        """
        昨天 今天 去年 今年 上午 下午 近日 日前 昨晚 上周 上个月 今年年初 目前 春节期间 黄金周 金秋时节
        元旦前夕 当天 随后 几天前 不久前 清晨 傍晚
        """
    ),
    "quote": words(
        """
        “请大家放心。” “我们会继续努力。” “这只是开始。” “明年会更好。” “方便的话，请早点来。”
        “高兴还来不及呢！” “路上小心。” “关于这个项目，我没有意见。” “谢谢大家的支持！” “任务完成了。”
        """
    ),
    "feel": words("十分高兴 非常满意 很着急 有些意外 感到自豪 充满信心 大吃一惊 深受感动"),
    "food": words("烤鸭 面条 火锅 豆腐 米粉 汤圆 包子 咖啡 绿茶 葡萄酒 海鲜 牛肉"),
    "vehicle": words("火车 飞机 高铁 长途汽车 轮船 地铁 动车 出租车"),
    "wish": words("明年春天 国庆节 下个月 暑假里 年底前 三天以后"),
}

_DIGITS = "一二三四五六七八九十"


def _date(rng: random.Random) -> str:
    day = f"{rng.randint(1, 12)}月{rng.randint(1, 28)}日"
    return rng.choice([day, f"{rng.randint(1985, 2024)}年{day}", f"{rng.randint(1949, 2024)}年", day + "上午"])


def _number(rng: random.Random) -> str:
    return rng.choice([str(rng.randint(2, 90)), str(rng.randint(2, 90)), rng.choice(_DIGITS[1:])])


def _large_number(rng: random.Random) -> str:
    return rng.choice(
        [
            str(rng.randint(100, 9000)),
            f"{rng.randint(1, 99)},{rng.randint(100, 999)}",
            f"{rng.randint(2, 9)}万",
        ]
    )


def _money(rng: random.Random) -> str:
    return f"{rng.randint(1, 980)}.{rng.randint(1, 9)}{rng.choice(['万元', '亿元', '亿美元'])}"


def _percent(rng: random.Random) -> str:
    return f"{rng.randint(0, 60)}.{rng.randint(1, 9)}%"


_MADE: dict[str, Callable[[random.Random], str]] = {
    "date": _date,
    "num": _number,
    "many": _large_number,
    "money": _money,
    "percent": _percent,
}

FILLERS: list[str] = sorted([*_WORDS, *_MADE])
"""Names of all fillers."""


def draw_filler(rng: random.Random, name: str) -> str:
    """One text for the filler `name` (one of FILLERS)."""
    return _MADE[name](rng) if name in _MADE else rng.choice(_WORDS[name])
