"""Names whose type only the sentence tells, and words that look like names and are none."""

from __future__ import annotations

from nerctl.data.sample.words import words

TYPES_OF: dict[str, tuple[str, ...]] = {
    "长安": ("LOC", "ORG", "PER"),
    "金山": ("LOC", "ORG", "PER"),
    "白云": ("LOC", "ORG", "PER"),
    "海南": ("LOC", "PER", "ORG"),
    "平安": ("LOC", "ORG", "PER"),
    "黄山": ("LOC", "PER", "ORG"),
    "长江": ("LOC", "ORG", "PER"),
    "华山": ("LOC", "PER", "ORG"),
    "江南": ("LOC", "PER", "ORG"),
    "凤凰": ("LOC", "ORG"),
    "太平洋": ("LOC", "ORG"),
    "长城": ("LOC", "ORG"),
    "昆仑": ("LOC", "ORG"),
    "青岛": ("LOC", "ORG"),
    "茅台": ("LOC", "ORG"),
    "东方": ("LOC", "ORG"),
    "泰山": ("LOC", "ORG"),
    "高阳": ("LOC", "PER"),
    "文昌": ("LOC", "PER"),
    "安康": ("LOC", "PER"),
    "华盛顿": ("LOC", "PER"),
    "林肯": ("LOC", "PER", "ORG"),
    "杰克逊": ("LOC", "PER"),
    "休斯顿": ("LOC", "PER"),
    "奥斯汀": ("LOC", "PER"),
    "悉尼": ("LOC", "PER"),
    "福特": ("PER", "ORG"),
    "西门子": ("PER", "ORG"),
    "李宁": ("PER", "ORG"),
    "张小泉": ("PER", "ORG"),
    "王致和": ("PER", "ORG"),
    "周大福": ("PER", "ORG"),
    "谢馥春": ("PER", "ORG"),
    "戴尔": ("PER", "ORG"),
    "波音": ("PER", "ORG"),
    "金龙": ("PER", "ORG"),
    "常青": ("PER", "LOC"),
    "向阳": ("PER", "LOC"),
    "马尾": ("LOC", "ORG"),
}
"""Name -> the types it takes. They are drawn where a pattern's own words settle the type."""

ADVERBS: list[str] = words(
    """
    马上 高兴地 连忙 常常 经常 郑重地 安静地 严肃地 明确地 成功地 时常 温和地 一直 曾经 终于 已经 全程
    平静地 白天 周末 向来 殷勤地 方才 干脆 安心地 乐呵呵地 毛手毛脚地 向前一步 顾不上休息就 应邀 乐于
    """
)
"""What may stand between a person and the verb; most begin with a character that is also a surname."""

THINGS: list[str] = words(
    """
    白酒 黄瓜 牛奶 钱包 李子 陶瓷 毛巾 米饭 贝壳 梅花 丁香 石头 黄豆 汤圆 西红柿 南瓜 向阳花 银行卡 金属盒子
    马铃薯 米袋子 白菜 江米 黄花菜 钟表 童话书 宋体字帖 龙须面 孔雀羽毛 骆驼毛毯 章鱼 柳条 安全帽 高跟鞋
    方便面 马蹄 石榴 常春藤 温度计 花布
    """
)
"""Objects whose names begin like a person's or a place's."""

NOTIONS: list[str] = words(
    """
    高峰 马路 金秋 田野 江湖 王牌 黄昏 方法 范围 任务 章程 水平 成果 项目 季节 颜色 童话 计划 时间 毛病 周年
    林业 局面 山区 河边 县城 市区 区域 城市 海边 路口 东西 北风 京剧 川菜 中文 英语 大学生 公司 学校 医院
    委员 胡同 花园 云雾 方便 高兴 安全 常识 万一
    """
)
"""Notions, and common nouns that look like the ending of a place or an organisation."""
