"""Place names of the built-in sample: real, as plain words; a suffix belongs to the kind, not to the list."""

from __future__ import annotations

from nerctl.data.sample.words import words

_PROVINCES = words(
    """
    河北 山西 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 广东 海南 四川 贵州 云南 陕西
    甘肃 青海
    """
)
_CITIES = words(
    """
    石家庄 唐山 秦皇岛 邯郸 保定 张家口 承德 沧州 廊坊 衡水 太原 大同 阳泉 长治 晋城 运城 临汾 呼和浩特 包头
    赤峰 沈阳 大连 鞍山 抚顺 本溪 丹东 锦州 营口 长春 四平 通化 松原 哈尔滨 齐齐哈尔 牡丹江 佳木斯 大庆 南京
    无锡 徐州 常州 苏州 南通 连云港 淮安 盐城 扬州 镇江 泰州 宿迁 杭州 宁波 温州 嘉兴 湖州 绍兴 金华 衢州
    舟山 台州 丽水 合肥 芜湖 蚌埠 淮南 马鞍山 安庆 黄山 阜阳 六安 福州 厦门 莆田 三明 泉州 漳州 南平 龙岩
    宁德 南昌 景德镇 九江 赣州 吉安 宜春 上饶 济南 青岛 淄博 东营 烟台 潍坊 济宁 泰安 威海 日照 临沂 德州
    聊城 郑州 开封 洛阳 平顶山 安阳 新乡 许昌 南阳 信阳 武汉 黄石 十堰 宜昌 襄阳 荆门 荆州 黄冈 长沙 株洲
    湘潭 衡阳 邵阳 岳阳 常德 郴州 永州 广州 深圳 珠海 汕头 佛山 韶关 湛江 肇庆 茂名 惠州 东莞 中山 江门 南宁
    柳州 桂林 北海 海口 三亚 成都 绵阳 自贡 泸州 德阳 乐山 宜宾 南充 贵阳 遵义 安顺 昆明 曲靖 玉溪 大理 西安
    宝鸡 咸阳 渭南 延安 汉中 榆林 安康 兰州 天水 酒泉 西宁 银川 北京 上海 天津 重庆
    """
)
_COUNTIES = words(
    """
    安吉 德清 长兴 桐庐 淳安 宁海 象山 平阳 文成 泰顺 嘉善 海盐 新昌 武义 常山 龙游 天台 仙居 青田 云和 松阳
    庆元 临洮 文水 永年 高阳 安平 平山 大名 清河 石泉 南漳 红安 阳新 长阳 安化 平江 宁远 江华 兴国 南丰 上犹
    德化 安溪 永春 长泰 南靖 大田 尤溪 古田 金寨 霍山 休宁 临泉 凤阳 金湖 东海 沛县 丰县 睢宁 泗洪 高青 平阴
    商河 阳谷 五莲 三江 阳朔 灌阳 平乐 大化 南丹 石屏 建水 元阳 双江 宁洱 平塘 荔波 正安 道真 务川 金沙 石阡
    大方 米易 盐边 平昌
    """
)
_DISTRICTS = words(
    """
    西湖 拱墅 滨江 萧山 余杭 朝阳 海淀 丰台 通州 顺义 房山 徐汇 长宁 静安 普陀 虹口 杨浦 宝山 嘉定 松江 青浦
    奉贤 金山 天河 越秀 海珠 荔湾 白云 黄埔 番禺 花都 南沙 武侯 锦江 青羊 金牛 成华 雁塔 碑林 未央 长安 江岸
    江汉 汉阳 武昌 洪山 玄武 秦淮 建邺 鼓楼 栖霞 南山 福田 罗湖 龙岗 盐田 宝安 思明 湖里 集美 市南 崂山 城阳
    历下 历城 岳麓 开福 芙蓉 雨花 天心 南岗 道里 和平 沈河 铁西 皇姑 南关 绿园 新城 莲湖 渝中 江北 南岸 北碚
    河西 河东 南开 红桥
    """
)
_TOWNS = words(
    """
    大塘 石桥 清水 龙泉 双溪 白沙 高桥 安丰 新河 沙河 柳林 杨家 黄泥 太平 永安 青山 桃源 梅林 竹园 三合 兴隆
    古城 东山 南坪 西坝 河口 水口 马岭 牛头 石门 长岗 大石 小河 红岩 金河 银杏 枫林 松山 云峰 天池 凤山 龙潭
    平安 安乐
    """
)
_ROADS = words(
    """
    中山 解放 建设 和平 胜利 光明 文化 学院 长江 黄河 北京 南京 延安 友谊 团结 新华 青年 滨河 迎宾 朝阳 环城
    复兴 人民 民主 工业 体育场 公园 花园 湖滨 江滨 东风 红旗 长安 太平 天山 昆仑 黄山 泰山 延河 东湖 西湖
    南湖 北湖 大学 科技 银河 五一 三江 金山 白云 凤凰 梅花 杏花 桃园 竹林
    """
)
_NATURE = words(
    """
    黄河 长江 珠江 淮河 汉江 湘江 赣江 嘉陵江 松花江 鸭绿江 钱塘江 太湖 洞庭湖 鄱阳湖 巢湖 滇池
    洱海 青海湖 泰山 华山 衡山 恒山 嵩山 黄山 庐山 峨眉山 武夷山 长白山 天山 昆仑山 祁连山 秦岭 大别山
    太行山 渤海 黄海 东海 南海 长城 太平洋 大西洋 印度洋 地中海 尼罗河 多瑙河 莱茵河
    """
)
_COUNTRIES = words(
    """
    中国 美国 英国 法国 德国 日本 韩国 俄罗斯 巴西 阿根廷 墨西哥 加拿大 澳大利亚 新西兰 印度 泰国 越南
    马来西亚 新加坡 印度尼西亚 菲律宾 埃及 南非 肯尼亚 尼日利亚 摩洛哥 西班牙 葡萄牙 意大利 希腊 土耳其 波兰
    捷克 奥地利 瑞士 瑞典 挪威 芬兰 丹麦 荷兰 比利时 爱尔兰 匈牙利 智利 秘鲁 古巴 蒙古 哈萨克斯坦 巴基斯坦
    斯里兰卡 欧洲 非洲 亚洲 香港 澳门
    """
)
_FOREIGN_CITIES = words(
    """
    纽约 伦敦 巴黎 柏林 东京 大阪 首尔 莫斯科 多伦多 温哥华 墨尔本 奥克兰 新德里 孟买 曼谷 河内
    吉隆坡 雅加达 马尼拉 开罗 内罗毕 马德里 巴塞罗那 里斯本 罗马 米兰 雅典 华沙 布拉格 维也纳
    苏黎世 日内瓦 斯德哥尔摩 奥斯陆 赫尔辛基 哥本哈根 阿姆斯特丹 布鲁塞尔 都柏林 布达佩斯 洛杉矶 旧金山
    芝加哥 波士顿 西雅图 费城 底特律 慕尼黑 法兰克福 汉堡 里昂 马赛 曼彻斯特 利物浦 爱丁堡 名古屋 京都 釜山
    """
)

STEMS: dict[str, list[str]] = {
    "province": _PROVINCES,
    "city": _CITIES,
    "county": _COUNTIES,
    "district": _DISTRICTS,
    "town": _TOWNS,
    "road": _ROADS,
    "nature": _NATURE,
    "country": _COUNTRIES,
    "abroad": _FOREIGN_CITIES,
}
"""Kind of place -> names without suffix."""

SUFFIXES: dict[str, list[str]] = {
    "province": ["", "省"],
    "city": ["", "", "市"],
    "county": ["县"],
    "district": ["区"],
    "town": ["镇", "乡", "村"],
    "road": ["路", "大街"],
    "nature": [""],
    "country": [""],
    "abroad": [""],
}
"""Kind of place -> the endings its names take in running text, the full one last; one listed twice is twice as
likely."""

WEIGHTS: dict[str, int] = {
    "province": 3,
    "city": 9,
    "county": 4,
    "district": 4,
    "town": 2,
    "nature": 2,
    "country": 3,
    "abroad": 1,
}
"""How often a place of no stated kind is one of each; roads are only drawn where a pattern asks for one."""


def with_suffix(stem: str, suffix: str) -> str:
    """`stem` + `suffix`, but 沛县 stays 沛县."""
    return stem if suffix and stem.endswith(suffix) else stem + suffix
