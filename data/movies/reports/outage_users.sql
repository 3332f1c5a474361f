-- Which users an outage between two moments affected, with the number of their streams and when the first began.
-- They are those whom movies_outage counts, by the same parameters. Somebody who is in no list of users has an email
-- only.
-- :outage_start timestamptz -- such as 2021-12-25 07:00, or with an offset 2021-12-25T07:00+01:00
-- :outage_end timestamptz -- likewise
-- :match text = overlaps | starts_within | covers -- how a stream meets the outage
-- :title text = '' -- only streams of this movie, in any case; '' is every movie
-- :time_zone text = UTC -- where the clock hangs, such as Europe/Amsterdam
select
  s.user_email as email,
  u.first_name,
  u.last_name,
  count(*) as streams,
  to_char(min(s.start_at) at time zone :time_zone, 'YYYY-MM-DD HH24:MI') as first_start
from movies.streams as s
left join movies.spellings as p on p.written = s.movie_title
left join movies.users as u on u.email = s.user_email
where
  s.user_email is not null
  and case :match
    when 'overlaps' then s.start_at < :outage_end and s.end_at > :outage_start
    when 'starts_within' then s.start_at >= :outage_start and s.start_at < :outage_end
    when 'covers' then s.start_at <= :outage_start and s.end_at >= :outage_end
  end
  and (
    :title = ''
    or p.folded in (select q.folded from movies.spellings as q where lower(q.written) = lower(btrim(:title)))
  )
group by s.user_email, u.first_name, u.last_name
order by s.user_email collate "C"
