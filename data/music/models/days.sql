-- What was listened to on each day.
--
-- A listen is one user, one track, one second: rows that repeat all three are one listen, whichever file they are in;
-- parts of a second do not tell them apart.
-- unique_listeners: how many users listened. distinct_tracks: to how many tracks.
-- track_diversity_index: distinct tracks ÷ listens; 1 means that nothing was played twice.
-- top_artists: the ten artists with the most listens, as [{"artist": …, "listens": …}]; of equals the one whose name
-- comes first, byte by byte. A listen counts for each artist of its track; songs.csv has a semicolon between them.
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
days as (
  select day,
         count(*) as listens,
         count(distinct user_id) as unique_listeners,
         count(distinct track_id) as distinct_tracks
    from listens
   group by day
),
tracks as (
  select day, track_id, count(*) as listens from listens group by day, track_id
),
artists as (
  select distinct p.track_id, btrim(a.name) as artist
    from (select distinct track_id from tracks) as p
    join music.songs as t on t.track_id = p.track_id
   cross join lateral unnest(string_to_array(t.artists, ';')) as a (name)
   where btrim(a.name) <> ''
),
ranked as (
  select l.day, a.artist, sum(l.listens)::bigint as listens,
         row_number() over (
           partition by l.day order by sum(l.listens) desc, a.artist collate "C"
         ) as place
    from tracks as l
    join artists as a on a.track_id = l.track_id
   group by l.day, a.artist
),
tops as (
  select day, jsonb_agg(jsonb_build_object('artist', artist, 'listens', listens) order by place) as top_artists
    from ranked
   where place <= 10
   group by day
)
select d.day,
       d.listens,
       d.unique_listeners,
       d.distinct_tracks,
       round(d.distinct_tracks::numeric / d.listens, 6) as track_diversity_index,
       coalesce(t.top_artists, '[]') as top_artists
  from days as d
  left join tops as t on t.day = d.day
