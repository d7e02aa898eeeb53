"""The parts that sentences of the built-in sample are put together from, one a line.

A sentence is an opening, a subject and one to three predicates of the same kind, or one whole pattern. A slot
in braces is a name ({PER}, {LOC}, {ORG}), a name of one kind ({LOC:county}, {ORG:school}; {LOC:city!} never
lacks its ending), a name that may be one of the ambiguous ({PER?}, where the words around it settle the type),
or a filler ({date}, {thing}).
"""

from __future__ import annotations

from nerctl.data.sample.words import lines

OPENINGS: list[str] = lines(
    """
    {time}，
    {date}，
    据{ORG:media}报道，
    据{ORG:media}{time}报道，
    记者从{ORG:office}了解到，
    在{LOC}，
    听说
    {quote}
    因为{weather}，
    {weekday}，
    在{ORG}门口，
    {LOC}消息：
    据介绍，
    {kin}告诉我，
    """
)
"""What may stand before a subject."""

SUBJECTS: dict[str, list[str]] = {
    "person": lines(
        """
        {PER}
        {PER}{adverb}
        {PER}和{PER}
        {PER}、{PER}和{PER}
        {PER}先生
        {PER}女士
        {PER}同学
        {PER}同志
        {PER?}老师
        {job}{PER}
        {job}{PER?}
        著名{job}{PER}
        {title}{PER}
        {ORG}{title}{PER}
        {ORG}的{PER}
        {ORG}{title}{PER}和{title}{PER}
        {ORG}{job}{PER}、{PER}
        {LOC}{job}{PER}
        {LOC}的{job}{PER}
        {LOC}人{PER}
        {LOC:city!}{LOC:district}的{job}{PER}
        {PER}教授
        {PER}医生
        来自{LOC}的{PER}
        来自{LOC}的{job}{PER?}
        住在{LOC}的{PER}
        在{ORG}工作的{PER}
        {PER}的{kin}
        {PER?}的{kin}
        {PER?}的{kin}{adverb}
        {PER}的{kin}{PER}
        {kin}{PER}
        {num}岁的{PER}
        名叫{PER?}的{job}
        {PER}（{LOC}）
        {PER}、{PER}等人
        {PER}一家
        我和{PER}
        """
    ),
    "organisation": lines(
        """
        {ORG}
        {ORG}
        {ORG:office}
        {ORG:company}
        {ORG}和{ORG}
        {ORG}、{ORG}和{ORG}
        位于{LOC}的{ORG}
        {PER}所在的{ORG}
        {ORG:firm}
        {ORG:firm}和{ORG:company}
        {LOC:country}的{ORG:firm}
        {PER}工作的{ORG}
        {ORG}、{ORG}等单位
        """
    ),
    "place": lines(
        """
        {LOC}
        {LOC}
        {LOC}和{LOC}
        {LOC}、{LOC}等地
        {LOC}、{LOC}和{LOC}
        {LOC:province!}{LOC:city}
        {LOC:province!}{LOC:county}
        {LOC:city!}{LOC:district}
        {LOC:city!}{LOC:county}
        {LOC:county}{LOC:town}
        从{LOC}到{LOC}的路上
        {LOC}附近
        {PER}的家乡{LOC}
        {LOC?}一带
        {LOC?}附近
        {ORG}所在的{LOC}
        """
    ),
    "nobody": lines(
        """
        他
        她
        他们
        我们
        大家
        {kin}
        {kin}{adverb}
        一位{job}
        {num}名{job}
        {job}们
        很多人
        谁
        有关部门
        中学生和大学生
        这家公司
        一家公司
        这家医院
        一家医院
        那家银行
        这所大学
        学校
        医院
        """
    ),
}
"""Kind -> subjects. Those of "nobody" hold no name."""

WHOLE: list[str] = lines(
    """
    特约记者{PER}从{LOC}报道。
    本报{LOC}{date}电（记者{PER}）
    {ORG:media}记者{PER}、{PER}报道。
    {ORG:club}{weekday}3比1战胜{ORG:club}。
    {LOC}到{LOC}的{vehicle}因{weather}取消。
    {LOC:country}总统{PER?}{weekday}来到{LOC}访问。
    {LOC:country}总统{PER?}同{LOC:country}总统{PER}见面。
    {ORG?}公布年度报告，收入增长{percent}。
    {ORG?}股价{time}上涨{percent}，达到{money}。
    {ORG?}推出新{product}，售价{many}元。
    {ORG?}旗下工厂招{job}{num}名。
    {LOC?}天气：{weekday}有{weather}，气温{num}度。
    从{LOC}坐{vehicle}到{LOC}要{num}个小时。
    请把{thing}送到{LOC:city!}{LOC:district}{LOC:road}{num}号，{PER}收。
    你认识{PER}吗？他是{LOC}人。
    {PER}，你{time}为什么没有来？
    “{PER}，快看，{thing}！”{PER}说。
    {quote}{PER}{adverb}说。
    {PER}第一，{PER}第二，{PER}没有成绩。
    {kin}的{product}坏了，打电话给{ORG:firm}。
    我想买一台{ORG?}牌{product}，可是太贵了。
    {vehicle}{time}到了{LOC?}，很多人{feel}。
    他的网名是{latin}，真名是{PER?}。
    我家在{LOC?}附近，坐{vehicle}{num}分钟就到。
    由{ORG}举行的{event}{date}在{LOC}开始。
    {ORG:club}{time}在{event}中战胜{ORG:club}。
    {ORG:office}批准，{ORG:company}改名为{ORG:company}。
    {PER}被任命为{ORG}{title}，{PER}不再担任{title}。
    {LOC:nature}水位{time}上涨，{LOC}有{many}人搬走。
    {ORG?}的{product}比{ORG?}的便宜{many}元。
    {ORG?}{time}召回{many}台{product}。
    {ORG?}净利润下降{percent}，股价下跌。
    {ORG?}董事会批准了{money}的项目。
    {ORG?}生产的{product}比{ORG?}生产的便宜。
    我的{product}是{ORG?}的，{kin}的是{ORG?}的。
    {PER?}是我的{kin}，今年{num}岁。
    我{kin}叫{PER?}，是一名{job}。
    老师{PER?}对同学们说：{quote}
    {time}，{LOC?}的{ORG:school}举行了{event}。
    {LOC?}到{LOC?}的{vehicle}开通了。
    """
)
"""Sentences that are no subject and predicates."""

PLAIN: list[str] = lines(
    """
    {time}天气很好，大家{feel}。
    {thing}放在{thing}旁边，忽然不见了。
    {quote}他{adverb}说。
    关于{topic}，专家讨论了{num}次。
    这本书讲的是{topic}，一共{many}页。
    {weekday}有{weather}，请带好雨伞。
    张开手，里面是{thing}。
    水平提高了，成果也多了，{latin}增长{percent}。
    公司{time}开会，讨论{product}的价格。
    医院里人很多，{job}{adverb}开始工作。
    {product}的价格{time}上涨{percent}。
    银行很方便，{kin}{adverb}去办。
    向阳的房间白天很暖和，冬天也不冷。
    黄金周期间，{vehicle}票很快卖完了。
    金秋十月，到处是{thing}。
    安全第一，方便第二。
    高兴的时候，他会唱{work}。
    马上就要考试了，同学们很着急。
    {notion}和{notion}都很重要。
    江湖上的事，谁也说不清。
    他是公司的王牌，手里有{num}个项目。
    南方人爱吃米饭，北方人爱吃{food}。
    谁知道{thing}为什么涨价？
    委员会的工作是讨论{topic}。
    足球俱乐部很多，好的{job}却很少。
    文件名是{latin}，大小为{num}MB。
    {num}辆{vehicle}停在路口，马上开走。
    {date}，第{num}届{event}结束，共收到作品{many}件。
    白天看书，周末种{thing}，日子过得很快。
    任何人都要重视{topic}，{title}{say}。
    {latin}是什么意思？{kin}{adverb}问。
    这条马路上有一家{food}店和一家{thing}店。
    雷雨过后，花园里的{thing}很好看。
    {notion}的问题，{kin}也说不清。
    关于{notion}，大家{feel}。
    {time}讨论的是{notion}和{notion}。
    """
)
"""Sentences that hold no name, but much that looks like one."""
