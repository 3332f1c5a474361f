-- Which users an outage between two moments affected, with the number of their streams and when the first began.
-- They are those whom movies_outage counts, by the same parameters. Somebody who is in no list of users has an email
-- only. Whether any stream is of a movie that is called so, movies_outage says.
-- :outage_start timestamptz -- such as 2021-12-25 07:00, or with an offset 2021-12-25T07:00+01:00
-- :outage_end timestamptz -- likewise
-- :match text = overlaps | starts_within | covers -- how a stream meets the outage
-- :title text = '' -- only streams of this movie, in any of its spellings; '' is every movie
-- :time_zone text = UTC -- where the clock hangs, such as Europe/Amsterdam
with asked as ( -- the title as models/spellings.sql folds it
  select
    coalesce(
      nullif(
        translate(
          lower(
            regexp_replace(
              normalize(replace(translate(:title, 'ØÆŁĐÞŒ™℠®©', 'øæłđþœ'), 'ß', 'ss'), nfkd),
              '[\u0001-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u00BF\u00D7\u00F7\u02B0-\u036F\u2000-\u214F\u2190-\u2BFF\u2E00-\u2E7F\u3000-\u303F\u30FB\uFE00-\uFE2F\U0001F000-\U0001FAFF]',
              '',
              'g'
            ) collate "und-x-icu"
          ),
          'ς',
          'σ'
        ),
        ''
      ),
      lower(btrim(:title) collate "und-x-icu")
    ) collate "default" as folded
)

select
  s.user_email as email,
  u.first_name,
  u.last_name,
  count(*) as streams,
  to_char(min(s.start_at) at time zone :time_zone, 'YYYY-MM-DD HH24:MI') as first_start
from movies.distinct_streams as s
left join movies.spellings as p on p.written = s.movie_title
left join movies.users as u on u.email = s.user_email
where
  s.user_email is not null
  and case :match
    when 'overlaps' then s.start_at < :outage_end and s.end_at > :outage_start
    when 'starts_within' then s.start_at >= :outage_start and s.start_at < :outage_end
    when 'covers' then s.start_at <= :outage_start and s.end_at >= :outage_end
  end
  and (btrim(:title) = '' or p.folded = (select folded from asked))
group by s.user_email, u.first_name, u.last_name
order by s.user_email collate "C"
