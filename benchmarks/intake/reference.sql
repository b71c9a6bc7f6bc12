-- The intake of mediation cases a second time, in DuckDB's SQL and without the door's code: how a record is found, read,
-- refused, identified and laid down. Only what the seeds declare is read from where they stand.
-- Variables: path, header (texts), seeds (folder), sender, register, and of both keys the padded halves of the HMAC
-- (RFC 2104): case_inner, case_outer, cell_inner, cell_outer (64 bytes each).

-- A record ends with the first line after which the quotation marks are even in number.
create temp table lines as
select row_number() over () as line, coalesce(text, '') as text
from read_csv(
    getvariable('path'), columns = {'text': 'varchar'}, header = false, delim = '\x01', quote = '', escape = '',
    auto_detect = false, null_padding = false, max_line_size = 4000000
);

create temp table records as
with counted as (
    select line, text, sum(length(text) - length(replace(text, '"', ''))) over (order by line) as marks from lines
), marked as (
    select line, text, coalesce(lag(marks) over (order by line), 0) % 2 = 1 as goes_on from counted
), numbered as (
    select line, text, count(*) filter (not goes_on) over (order by line) as record from marked
)
select min(line) as line, string_agg(text, chr(10) order by line) as text from numbered group by record;
drop table lines;

-- Cells end at the commas outside quotation marks. The marks themselves go: they stand in columns that are not kept.
create temp table cells as
select
    line,
    string_split(
        array_to_string(
            list_transform(
                string_split(text, '"'),
                lambda part, n: if(n % 2 = 1, replace(part, ',', chr(31)), part)
            ),
            ''
        ),
        chr(31)
    ) as cells
from records
where line > 1;
drop table records;

-- Full-width characters are folded, blanks and the apostrophe of workbooks cut off; what says "nothing" is null.
create macro folded(text) as trim(
    translate(
        text,
        '０１２３４５６７８９（）：，．／－　', '0123456789():,./- '
    ),
    e' \t\r\n\ufeff'''
);
create macro cell(cells, name) as if(
    folded(cells[list_position(getvariable('header'), name)]) in ('', '/', '—', '——', '-'),
    null,
    folded(cells[list_position(getvariable('header'), name)])
);

create temp table texts as
select
    line,
    len(cells) <> len(getvariable('header')) as is_ragged,
    cell(cells, '调解案件编号') as case_number,
    cell(cells, '所属区划代码') as area_code,
    cell(cells, '案件来源') as source,
    cell(cells, '对接方式') as channel,
    cell(cells, '纠纷类型') as dispute_type,
    cell(cells, '是否疑难复杂') as is_difficult,
    cell(cells, '涉及人数') as persons_involved,
    cell(cells, '涉及金额(万元)') as amount,
    cell(cells, '受理日期') as accepted_on,
    cell(cells, '办结日期') as concluded_on,
    cell(cells, '调解结果') as outcome,
    cell(cells, '协议形式') as agreement_form,
    cell(cells, '履行情况') as performance,
    cell(cells, '是否申请司法确认') as has_confirmation_request,
    cell(cells, '登记时间') as recorded_at,
    cell(cells, '更新时间') as updated_at,
    cell(cells, '数据状态') as record_status
from cells
where len(list_filter(cells, lambda text: trim(text) <> '')) > 0 and trim(cells[1]) not in ('合计', '小计', '总计', '共计');
drop table cells;

create temp table codes as
with declared as (
    from read_csv(getvariable('seeds') || '/tables/code_lists.csv', header = true, all_varchar = true)
), spelt as (
    select list_id, code, sort, unnest([code, label_zh, label_en] || string_split(coalesce(aliases, ''), '|')) as text
    from declared
)
select list_id, folded(text) as text, arg_min(code, sort::integer) as code
from spelt
where text <> ''
group by all;

create temp table areas as
with declared as (
    select code_list, area_code, nullif(maps_to, '') as maps_to
    from read_csv(getvariable('seeds') || '/tables/areas.csv', header = true, all_varchar = true)
)
select area_code as text, area_code as code from declared where maps_to is null
union
select area_code, coalesce(maps_to, area_code) from declared where code_list in ('nbs2023', 'nbs2023_statistical');

create macro day_of(text) as case
    when regexp_full_match(text, '[1-6][0-9]{4}') then date '1899-12-30' + text::integer
    when regexp_full_match(text, '[0-9]{8}')
        then try_cast(text[1:4] || '-' || text[5:6] || '-' || text[7:8] as date)
    when regexp_full_match(text, '[0-9]{4}[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}日?')
        then try_cast(regexp_replace(rtrim(text, '日'), '[/.年月]', '-', 'g') as date)
end;
create macro instant_of(text) as try_cast(
    if(
        regexp_full_match(text, '[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2} [0-9]{1,2}:[0-9]{2}(:[0-9]{2})?'),
        replace(text, '/', '-') || if(length(text) - length(replace(text, ':', '')) = 1, ':00', ''),
        null
    ) as timestamp
);
create macro whole(text) as try_cast(
    nullif(regexp_extract(replace(text, ',', ''), '^[+]?(-?[0-9]{1,15})([.]0+)?$', 1), '') as bigint
);
-- 万元 to fen, half a fen upwards.
create macro fen(text) as floor(
    try_cast(nullif(regexp_extract(replace(text, ',', ''), '^[0-9]{1,12}([.][0-9]{1,8})?$'), '') as decimal(24, 8))
    * 1000000 + 0.5
)::bigint;

create temp table typed as
select
    texts.*,
    area.code as area,
    source.code as source_code,
    channel.code as channel_code,
    dispute_type.code as dispute_type_code,
    outcome.code as outcome_code,
    agreement_form.code as agreement_form_code,
    performance.code as performance_code,
    record_status.code as record_status_code,
    difficult.code = 'yes' as difficult,
    confirmation.code = 'yes' as confirmation,
    whole(persons_involved) as persons,
    fen(amount) as amount_fen,
    day_of(accepted_on) as accepted_day,
    day_of(concluded_on) as concluded_day,
    instant_of(recorded_at) as recorded,
    instant_of(updated_at) as updated
from texts
left join areas as area on area.text = if(length(area_code) in (2, 4, 6, 9), rpad(area_code, 12, '0'), area_code)
left join codes as source on source.list_id = 'mediation_source' and source.text = texts.source
left join codes as channel on channel.list_id = 'channel' and channel.text = texts.channel
left join codes as dispute_type on dispute_type.list_id = 'dispute_type' and dispute_type.text = texts.dispute_type
left join codes as outcome on outcome.list_id = 'mediation_outcome' and outcome.text = texts.outcome
left join codes as agreement_form on agreement_form.list_id = 'agreement_form' and agreement_form.text = texts.agreement_form
left join codes as performance on performance.list_id = 'performance' and performance.text = texts.performance
left join codes as record_status on record_status.list_id = 'record_status' and record_status.text = texts.record_status
left join codes as difficult on difficult.list_id = 'yes_no' and difficult.text = is_difficult
left join codes as confirmation on confirmation.list_id = 'yes_no' and confirmation.text = has_confirmation_request;
drop table texts;

-- The first thing wrong with a row, in the order of the contract's columns and then of its rules.
create macro unread(text, value, reason) as if(text is not null and value is null, reason, null);
create macro required(text) as if(text is null, 'missing_value', null);
-- A long number that a workbook has rounded to a power of ten.
create macro ruined(text) as if(regexp_full_match(text, '[0-9]([.][0-9]+)?[eE][+]?[0-9]+'), 'ruined_number', null);
-- A mobile number, or an ID number of which the check digit is right (GB 11643-1999): where no such thing belongs.
create macro has_mobile(text) as regexp_matches(text, '(^|[^0-9])1[3-9][0-9]{9}([^0-9]|$)');
create macro has_identity(text) as list_sum(
    list_transform(
        string_split(regexp_extract(text, '(^|[^0-9])([0-9]{17}[0-9Xx])([^0-9]|$)', 2), ''),
        lambda digit, place: if(digit in ('X', 'x'), 10, try_cast(digit as integer)) * (1 << (18 - place))
    )
) % 11 = 1;
create macro personal(is_personal) as if(coalesce(is_personal, false), 'personal_value', null);
create temp table judged as
select
    *,
    coalesce(
        if(is_ragged, 'ragged_row', null),
        required(case_number), ruined(case_number), personal(has_mobile(case_number) or has_identity(case_number)),
        required(area_code), ruined(area_code), unread(area_code, area, 'unknown_area'),
        unread(source, source_code, 'unknown_code'),
        required(channel), unread(channel, channel_code, 'unknown_code'),
        required(dispute_type), unread(dispute_type, dispute_type_code, 'unknown_code'),
        unread(is_difficult, difficult, 'not_yes_or_no'),
        personal(has_mobile(persons::varchar)), unread(persons_involved, persons, 'not_a_number'),
        personal(has_mobile((amount_fen // 1000000)::varchar)), unread(amount, amount_fen, 'not_a_number'),
        required(accepted_on), unread(accepted_on, accepted_day, 'not_a_date'),
        unread(concluded_on, concluded_day, 'not_a_date'),
        unread(outcome, outcome_code, 'unknown_code'),
        unread(agreement_form, agreement_form_code, 'unknown_code'),
        unread(performance, performance_code, 'unknown_code'),
        unread(has_confirmation_request, confirmation, 'not_yes_or_no'),
        unread(recorded_at, recorded, 'not_a_date'),
        required(updated_at), unread(updated_at, updated, 'not_a_date'),
        required(record_status), unread(record_status, record_status_code, 'unknown_code'),
        if(coalesce(concluded_day < accepted_day, false), 'concluded_before_accepted', null),
        if(accepted_day > updated::date, 'accepted_after_update', null)
    ) as reason
from typed;
drop table typed;

create macro digest(inner_half, outer_half, message) as sha256(outer_half || unhex(sha256(inner_half || encode(message))));
create temp table kept as
with fine as (
    select *, concat_ws(chr(31), 'mediation_cases', getvariable('register'), case_number) as identity
    from judged
    where reason is null
    qualify row_number() over (partition by case_number, updated order by line) = 1
)
select
    1::bigint as ledger_sequence,
    line as row_number,
    getvariable('sender') as sender,
    getvariable('register') as register,
    unhex(digest(getvariable('case_inner'), getvariable('case_outer'), identity)[1:32]) as case_key,
    (
        ('0x' || digest(getvariable('cell_inner'), getvariable('cell_outer'), identity)[1:16])::ubigint
        & 9223372036854775807::ubigint
    )::bigint as cell_number,
    area as area_code,
    source_code as source,
    channel_code as channel,
    dispute_type_code as dispute_type,
    difficult as is_difficult,
    persons as persons_involved,
    amount_fen as amount,
    accepted_day as accepted_on,
    concluded_day as concluded_on,
    outcome_code as outcome,
    agreement_form_code as agreement_form,
    performance_code as performance,
    confirmation as has_confirmation_request,
    recorded as recorded_at,
    updated as updated_at,
    record_status_code as record_status
from fine;

create temp table refused as
select line as row_number, reason from judged where reason is not null;

create temp table warned as
select row_number, 'concluded_without_outcome' as reason
from kept
where concluded_on is not null and coalesce(outcome, 'pending') = 'pending'
union all
select row_number, 'agreed_without_form'
from kept
where outcome = 'agreed' and agreement_form is null;
