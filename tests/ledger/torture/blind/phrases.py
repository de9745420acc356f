"""Blind set: wordings of "nothing found", several findings in a row, names with what clings to them, corrections."""

from __future__ import annotations

from tests.ledger.torture.blind.kit import SHORT, sent
from tests.ledger.torture.case import Case, Finding
from tests.ledger.torture.kit import Row, book, found, nothing, xlsx

D3 = "2026-05-03"
ZHANG, LI, WANG = "王家村东200米", "李庄村南", "王家村西头"


def _negatives(name: str, hard: str, *phrases: str, where: int = 6) -> Case:
    """One row a phrase, a day each from the first of May, all of them patrols that found nothing."""
    rows = [nothing(f"2026年5月{at}日", phrase, where) for at, phrase in enumerate(phrases, 1)]
    days = tuple(f"2026-05-{at:02d}" for at in range(1, len(phrases) + 1))
    return Case(f"blind-words-{name}", hard, lambda: sent(xlsx(*rows)), effort=len(rows), days=days)


def _positives(name: str, hard: str, *rows: tuple[str | None, str | None, str]) -> Case:
    """Rows of subject, place and state that are all findings."""
    made = [found(f"2026年5月{at}日", *row) for at, row in enumerate(rows, 1)]
    clerk = tuple(Finding(f"2026-05-{at:02d}", subject, place) for at, (subject, place, _) in enumerate(rows, 1))
    return Case(f"blind-words-{name}", hard, lambda: sent(xlsx(*made)), clerk)


def _several(name: str, hard: str, head: Row, row: Row, *clerk: Finding) -> Case:
    return Case(f"blind-words-{name}", hard, lambda: sent(book({"台账": [head, row]})), clerk)


def _split(name: str, hard: str, subject: str, place: str, state: str, *clerk: Finding) -> Case:
    return _several(name, hard, list(SHORT), [D3, "王强", subject, place, state], *clerk)


PAIR = (Finding(D3, "张三", ZHANG), Finding(D3, "李四", LI))


CASES = (
    _negatives(
        "nothing",
        "ways to say that nothing was found, in the state's cell",
        "未发现违法",
        "无",
        "/",
        "正常",
        "一切正常",
        "巡查无异常",
        "0起",
        "未见异常",
        "无新增违法用地",
        "暂无",
        "没有发现违法行为",
        "√ 正常",
        "——",
        "零报告",
        "无违法",
        "未发现新增违法违规用地行为。",
        "经巡查，未发现违法用地、违法采矿行为",
        "无情况",
        "未发现问题",
        "0",
    ),
    _negatives(
        "nothing-as-subject",
        "the same in the subject's cell",
        "无",
        "未发现",
        "无违法主体",
        "/",
        "-",
        "没有",
        "无违法行为",
        where=4,
    ),
    _negatives("nothing-as-place", "the same in the place's cell", "无", "辖区内未发现违法用地", "/", where=5),
    _negatives(
        "nothing-odd",
        "with typing errors and blanks",
        "未发现违法形为",
        "未 发 现",
        "无 异 常",
        "未发现违法\n行为",
        "未發現違法行為",
        "末发现违法行为",
        "无违法占地现象",
        "今日巡查无违法",
    ),
    Case(
        "blind-words-nothing-everywhere",
        "无 in every cell of the violation",
        lambda: sent(
            xlsx(
                ["2026年5月3日", "王强", "镇区", "日常", "无", "无", "无", "无", "无", "无"],
                ["2026年5月4日", "王强", "镇区", "日常", "/", "/", "/", "/", "/", "/"],
                ["2026年5月5日", "王强", "镇区", "日常", None, "王家村、李庄村", "未发现违法用地", None, None, None],
            )
        ),
        effort=3,
        days=(D3, "2026-05-04", "2026-05-05"),
    ),
    Case(
        "blind-words-blank-violation",
        "a patrol whose violation cells are blank is a patrol",
        lambda: sent(xlsx(nothing("2026年5月3日", ""))),
        effort=1,
        days=(D3,),
    ),
    Case(
        "blind-words-yes-no-column",
        "a column that says 否 or 是",
        lambda: sent(
            book(
                {
                    "台账": [
                        ["巡查时间", "巡查人员", "巡查路线", "是否发现违法", "违法主体", "违法地点", "违法现状"],
                        [D3, "王强", "镇区", "否", None, None, None],
                        ["2026-05-04", "王强", "镇区", "是", "张三", ZHANG, "建房"],
                    ]
                }
            )
        ),
        (Finding("2026-05-04", "张三", ZHANG),),
        effort=1,
        days=(D3,),
    ),
    Case(
        "blind-words-counts-column",
        "a column of how many were found",
        lambda: sent(
            book(
                {
                    "台账": [
                        ["巡查时间", "巡查人员", "巡查路线", "发现违法数（起）", "违法主体", "违法地点", "违法现状"],
                        [D3, "王强", "镇区", 0, None, None, None],
                        ["2026-05-04", "王强", "镇区", 1, "张三", ZHANG, "建房"],
                    ]
                }
            )
        ),
        (Finding("2026-05-04", "张三", ZHANG),),
        effort=1,
        days=(D3,),
    ),
    _positives(
        "not-nothing",
        "words of denial within findings",
        ("张三", ZHANG, "未停工，继续施工"),
        ("李四", LI, "无审批手续建房"),
        ("王五", WANG, "未批先建，未办理任何手续"),
        ("赵六", LI, "未发现停工迹象"),
        ("孙七", ZHANG, "无证采砂"),
        ("周八", WANG, "非正常农用，硬化地面"),
        ("吴九", LI, "未经批准占用耕地，无整改"),
        ("郑十", ZHANG, "没有停止违法行为"),
        ("无锡某建筑公司", WANG, "建厂房"),
    ),
    _positives(
        "old-one-goes-on",
        "nothing new, yet an old one goes on",
        ("张三", ZHANG, "未发现新的违法行为，原违建仍在施工"),
        ("李四", LI, "除李四建房外未发现其他违法行为"),
    ),
    Case(
        "blind-words-unknown-subject",
        "who did it is not known",
        lambda: sent(
            xlsx(
                found("5月1日", "不详", ZHANG),
                found("5月2日", "无名氏", LI),
                found("5月3日", "待查", WANG),
                found("5月4日", None, LI, "挖沙"),
                found("5月5日", "无", WANG, "有人堆放建筑垃圾"),
                title=[["2026年5月"]],
            )
        ),
        (
            Finding("2026-05-01", ("不详", None), ZHANG),
            Finding("2026-05-02", ("无名氏", None), LI),
            Finding(D3, ("待查", None), WANG),
            Finding("2026-05-04", None, LI),
            Finding("2026-05-05", ("无", None), WANG),
        ),
    ),
    _split(
        "numbered", "numbered with points in one line", "1.张三 2.李四", f"1.{ZHANG} 2.{LI}", "1.建房 2.挖沙", *PAIR
    ),
    _split(
        "numbered-ideographic",
        "numbered with ideographic commas",
        "1、张三；2、李四",
        f"1、{ZHANG}；2、{LI}",
        "1、建房；2、挖沙",
        *PAIR,
    ),
    _split("circled", "circled numbers", "①张三②李四", f"①{ZHANG}②{LI}", "①建房②挖沙", *PAIR),
    _split(
        "bracketed",
        "numbers in brackets and lines",
        "（1）张三\n（2）李四",
        f"(1){ZHANG}\n(2){LI}",
        "（1）建房\n（2）挖沙",
        *PAIR,
    ),
    _split("lines", "a line each", "张三\n李四", f"{ZHANG}\n{LI}", "建房\n挖沙", *PAIR),
    _split("semicolons", "semicolons", "张三；李四", f"{ZHANG}；{LI}", "建房；挖沙", *PAIR),
    _split(
        "chinese-numbers",
        "numbered in Chinese",
        "一、张三 二、李四",
        f"一、{ZHANG} 二、{LI}",
        "一是建房，二是挖沙",
        *PAIR,
    ),
    _split(
        "numbered-shared-state",
        "two numbered subjects and places, one state",
        "1.张三 2.李四",
        f"1.{ZHANG} 2.{LI}",
        "均在建房",
        *PAIR,
    ),
    _split(
        "two-owners",
        "two owners of one place are one finding",
        "张三、李四",
        ZHANG,
        "合伙建厂房",
        Finding(D3, "张三、李四", ZHANG),
    ),
    _split(
        "list-in-place",
        "a place that names two roads is one place",
        "张三",
        "王家村东200米，省道与村道交叉口、加油站旁",
        "建房",
        Finding(D3, "张三", "王家村东200米，省道与村道交叉口、加油站旁"),
    ),
    _split(
        "numbers-in-words",
        "numbers that count no findings",
        "张三",
        "王家村2组",
        "1.建房约20米长，2层，占地2.5亩",
        Finding(D3, "张三", "王家村2组"),
    ),
    _several(
        "with-areas-and-coordinates",
        "two findings with an area and a position each",
        [*SHORT, "面积（亩）", "坐标"],
        [
            D3,
            "王强",
            "1、张三；2、李四",
            f"1、{ZHANG}；2、{LI}",
            "1、建房；2、挖沙",
            "1、1.5；2、2",
            "1、114.48123,34.51236；2、114.49321,34.50512",
        ],
        Finding(D3, "张三", ZHANG, (114.48123, 34.51236), 1000),
        Finding(D3, "李四", LI, (114.49321, 34.50512), 1333.3),
    ),
    _several(
        "with-coordinate-lines",
        "two findings, a line of each cell each",
        [*SHORT, "面积", "坐标"],
        [
            D3,
            "王强",
            "张三\n李四",
            f"{ZHANG}\n{LI}",
            "建房\n挖沙",
            "300㎡\n2亩",
            "114.48123,34.51236\n114.49321,34.50512",
        ],
        Finding(D3, "张三", ZHANG, (114.48123, 34.51236), 300),
        Finding(D3, "李四", LI, (114.49321, 34.50512), 1333.3),
    ),
    _several(
        "several-in-state-only",
        "all of it told in one sentence of the state",
        list(SHORT),
        [D3, "王强", None, None, f"1.{ZHANG}张三建房；2.{LI}李四挖沙"],
        Finding(D3, (None, "张三"), (None, ZHANG)),
        Finding(D3, (None, "李四"), (None, LI)),
    ),
    _several(
        "found-and-nothing",
        "one village with a finding, another without",
        list(SHORT),
        [D3, "王强", "张三", ZHANG, "张三建房，李庄村未发现违法行为"],
        PAIR[0],
    ),
    Case(
        "blind-words-clinging",
        "names with telephone, identity number, titles, stray marks",
        lambda: sent(
            xlsx(
                found("5月1日", "张三（电话13903781234）", ZHANG),
                found("5月2日", "李四 410221198001011234", LI),
                found("5月3日", "王五,", WANG),
                found("5月4日", " 赵  六 ", LI),
                found("5月5日", "青石镇建材有限公司（法人：孙七）", ZHANG),
                title=[["2026年5月"]],
            )
        ),
        (
            Finding("2026-05-01", ("张三（电话13903781234）", "张三"), ZHANG),
            Finding("2026-05-02", ("李四410221198001011234", "李四"), LI),
            Finding(D3, ("王五,", "王五"), WANG),
            Finding("2026-05-04", "赵六", LI),
            Finding("2026-05-05", ("青石镇建材有限公司（法人：孙七）", "青石镇建材有限公司"), ZHANG),
        ),
    ),
    Case(
        "blind-words-ditto-elsewhere",
        "ditto for people, subject and place",
        lambda: sent(
            book(
                {
                    "台账": [
                        list(SHORT),
                        [D3, "王强、李敏", "张三", ZHANG, "建房"],
                        ["2026年5月6日", "同上", "同上", "〃", "仍在施工"],
                        ["2026年5月8日", "〃", "李四", "同上", "挖沙"],
                    ]
                }
            )
        ),
        (Finding(D3, "张三", ZHANG), Finding("2026-05-06", "张三", ZHANG), Finding("2026-05-08", "李四", ZHANG)),
    ),
    Case(
        "blind-words-followed-up",
        "a second visit to one finding is an entry of its own",
        lambda: sent(
            xlsx(
                found("2026年5月3日", "张三", ZHANG),
                found("2026年5月13日", "张三", ZHANG, "复查，已停工"),
                found("2026年5月20日", "张三", ZHANG, "已自行拆除，恢复原状"),
            )
        ),
        (Finding(D3, "张三", ZHANG), Finding("2026-05-13", "张三", ZHANG), Finding("2026-05-20", "张三", ZHANG)),
    ),
    Case(
        "blind-words-target-and-nothing",
        "a target id beside words that nothing was found there",
        lambda: sent(
            book(
                {
                    "台账": [
                        ["监测编号", *SHORT],
                        ["410221XC26050012", D3, "王强", None, ZHANG, "实地为耕地，未发现违法建设"],
                    ]
                }
            )
        ),
        effort=1,
        days=(D3,),
    ),
    Case(
        "blind-words-lawful",
        "what was seen is lawful",
        lambda: sent(xlsx(found("2026年5月3日", "张三", ZHANG, "已办理审批手续，合法建设"))),
        (Finding(D3, "张三", ZHANG),),
    ),
)
