-- How many users an outage between two moments affected: users (by email) with a stream that meets it.
-- overlaps: the stream ran during some part of the outage. starts_within: it began at or after the outage's start and
-- before its end. covers: it began before or at the outage's start and ended at or after its end. A stream without a
-- start or an end is affected only where the one that it has decides. Moments without an offset are clock times in
-- time_zone.
-- :outage_start timestamptz -- such as 2021-12-25 07:00, or with an offset 2021-12-25T07:00+01:00
-- :outage_end timestamptz -- likewise
-- :match text = overlaps | starts_within | covers -- how a stream meets the outage
-- :title text = '' -- only streams of this movie, in any case; '' is every movie
-- :time_zone text = UTC -- where the clock hangs, such as Europe/Amsterdam
select
  count(distinct s.user_email) as users,
  count(distinct u.email) as of_them_registered,
  count(*) as streams,
  count(*) filter (where s.user_email is null) as streams_without_user,
  count(distinct p.folded) as movies
from movies.streams as s
left join movies.spellings as p on p.written = s.movie_title
left join movies.users as u on u.email = s.user_email
where
  case :match
    when 'overlaps' then s.start_at < :outage_end and s.end_at > :outage_start
    when 'starts_within' then s.start_at >= :outage_start and s.start_at < :outage_end
    when 'covers' then s.start_at <= :outage_start and s.end_at >= :outage_end
  end
  and (
    :title = ''
    or p.folded in (select q.folded from movies.spellings as q where lower(q.written) = lower(btrim(:title)))
  )
