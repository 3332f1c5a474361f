-- The artists with the most listens of each day, or of each hour.
-- listens: one user, one track, one second; a listen counts for each artist of its track. Of artists with as many
-- listens the one comes first whose name does, byte by byte.
-- :per text = day | hour
-- :from timestamp = -infinity    -- days or hours that begin at this moment or later
-- :to timestamp = infinity       -- days or hours that begin before this moment
-- :top integer = 3               -- so many artists of each, up to 10
with periods as (
  select day::timestamp as period, top_artists from music.days where :per = 'day'
  union all
  select hour, top_artists from music.hours where :per = 'hour'
)
select p.period,
       a.place,
       a.artist ->> 'artist' as artist,
       (a.artist ->> 'listens')::bigint as listens
  from periods as p
 cross join lateral jsonb_array_elements(p.top_artists) with ordinality as a (artist, place)
 where p.period >= :from and p.period < :to and a.place <= :top
 order by p.period, a.place
