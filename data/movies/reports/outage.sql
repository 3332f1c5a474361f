-- How many users an outage between two moments affected: users (by email) with a stream that meets it.
-- overlaps: the stream ran during some part of the outage. starts_within: it began at or after the outage's start and
-- before its end. covers: it began before or at the outage's start and ended at or after its end. A stream without a
-- start or an end is affected only where the one that it has decides. Moments without an offset are clock times in
-- time_zone.
-- title shows how the streams write the movie that was asked for; it says so when no stream is of such a movie.
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
  count(distinct s.user_email) as users,
  count(distinct u.email) as of_them_registered,
  count(*) as streams,
  count(*) filter (where s.user_email is null) as streams_without_user,
  count(distinct p.folded) as movies,
  case
    when btrim(:title) = '' then '(every movie)'
    else coalesce(
      (
        select min(t.movie_title collate "C")
        from movies.streams as t
        join movies.spellings as q on q.written = t.movie_title
        where q.folded = (select folded from asked)
      ),
      '(no stream has this title)'
    )
  end as title
from movies.distinct_streams as s
left join movies.spellings as p on p.written = s.movie_title
left join movies.users as u on u.email = s.user_email
where
  case :match
    when 'overlaps' then s.start_at < :outage_end and s.end_at > :outage_start
    when 'starts_within' then s.start_at >= :outage_start and s.start_at < :outage_end
    when 'covers' then s.start_at <= :outage_start and s.end_at >= :outage_end
  end
  and (btrim(:title) = '' or p.folded = (select folded from asked))
