-- What was listened to on each day, by genre.
--
-- A listen is one user, one track, one second: rows that repeat all three are one listen, whichever file they are in;
-- parts of a second do not tell them apart.
-- listen_count: a listen of a track that has several genres counts for each of them. Tracks that are not among the
-- songs count as the genre '(not in songs)'.
-- popularity_index: listen_count ÷ all listens of the day; 0.25 is a quarter. Since a listen may count for several
-- genres, a day's shares may come to more than 1.
-- mean_popularity: the popularity of the songs (0 to 100), each as often as it was listened to.
-- most_popular_track: the track with the most listens; of equals the one with the greater popularity, then the one
-- whose track_id comes first, byte by byte.
-- Days are those of listen_time as it is written in the files.
--
-- Only days are looked at on which a play, or a song that was played, is new.
with touched as (
  select s.listen_time::date as day
    from music.streams as s
   where s._flatbed_version = any(:new_versions)
  union
  select s.listen_time::date
    from music.songs as t
    join music.streams as s on s.track_id = t.track_id
   where t._flatbed_version = any(:new_versions)
),
listens as (
  select d.day, l.user_id, l.track_id, l.listen_time
    from touched as d
   -- Day by day, by the index on listen_time, so that no other day is read.
   cross join lateral (
     select distinct s.user_id, s.track_id, date_trunc('second', s.listen_time) as listen_time
       from music.streams as s
      where s.listen_time >= d.day and s.listen_time < d.day + 1
   ) as l
),
tracks as (
  select day, track_id, count(*) as listens from listens group by day, track_id
),
totals as (
  select day, sum(listens) as listens from tracks group by day
),
ranked as (
  select l.day, l.track_id, l.listens, t.track_name, t.popularity,
         coalesce(t.track_genre, '(not in songs)') as genre,
         row_number() over (
           partition by l.day, t.track_genre
           order by l.listens desc, t.popularity desc nulls last, l.track_id collate "C"
         ) as place
    from tracks as l
    left join music.songs as t on t.track_id = l.track_id
)
select r.day,
       r.genre,
       sum(r.listens)::bigint as listen_count,
       round(sum(r.listens) / min(d.listens), 6) as popularity_index,
       round(sum(r.listens * r.popularity) / sum(r.listens) filter (where r.popularity is not null), 2) as mean_popularity,
       min(r.track_id) filter (where r.place = 1) as most_popular_track,
       min(r.track_name) filter (where r.place = 1) as most_popular_track_name,
       (min(r.listens) filter (where r.place = 1))::bigint as most_popular_track_listens
  from ranked as r
  join totals as d on d.day = r.day
 group by r.day, r.genre
