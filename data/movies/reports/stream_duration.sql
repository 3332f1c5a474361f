-- Average streaming duration, in minutes and as hours:minutes:seconds.
-- The mean of end minus start over all streams. A stream without a start or an end, or that ends before it starts, is
-- left out.
select
  count(*) filter (where end_at >= start_at) as streams,
  round(extract(epoch from avg(end_at - start_at) filter (where end_at >= start_at)) / 60, 2) as average_minutes,
  to_char(date_trunc('second', avg(end_at - start_at) filter (where end_at >= start_at)), 'HH24:MI:SS') as average,
  count(*) filter (where (end_at >= start_at) is not true) as left_out
from movies.distinct_streams
