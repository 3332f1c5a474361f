-- Users who watched at least half of any movie in the last seven days of a month.
-- Counted are users (by email) with one stream that began in those days, in time_zone, and lasted at least 50% of the
-- movie's duration_mins. Streams are not added up. Where a title covers several rows of movies.csv, half of any of them
-- will do. at_most: 100% leaves out streams that lasted longer than the movie; both counts are shown, since long
-- streams are common. A stream without a start or an end, or of a movie without a duration, is left out.
-- :month date -- any day of the month, such as 2021-12-01
-- :at_most text = none | 100% -- what `users` counts: streams of any length, or none longer than the movie
-- :time_zone text = UTC -- where the seven days begin, such as Europe/Amsterdam
with days as (
  select
    (date_trunc('month', :month::timestamp) + interval '1 month' - interval '7 days') at time zone :time_zone as begin,
    (date_trunc('month', :month::timestamp) + interval '1 month') at time zone :time_zone as until
),

watched as (
  select
    s.user_email,
    extract(epoch from s.end_at - s.start_at) / 60 as mins,
    m.duration_mins
  from movies.distinct_streams as s
  join days on s.start_at >= days.begin and s.start_at < days.until
  join movies.spellings as p on p.written = s.movie_title
  join movies.spellings as q on q.folded = p.folded
  join movies.movies as m on m.title = q.written
  where m.duration_mins > 0
),

counted as (
  select
    count(distinct user_email) as any_length,
    count(distinct user_email) filter (where mins <= duration_mins) as at_most_100_percent
  from watched
  where mins >= duration_mins / 2
)

select
  case :at_most when '100%' then at_most_100_percent else any_length end as users,
  any_length,
  at_most_100_percent
from counted
