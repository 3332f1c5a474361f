-- How much was listened to in each hour, by how many, and how varied it was.
-- listens: one user, one track, one second. listeners: users who listened. tracks: distinct ones. diversity: tracks ÷
-- listens; 1 means that nothing was played twice. top_artist: the artist with the most listens; of equals the one whose
-- name comes first, byte by byte. An hour is named by its beginning, as the files write times; an hour without a listen
-- has no row.
-- :from timestamp = -infinity    -- hours that begin at this moment or later
-- :to timestamp = infinity       -- hours that begin before this moment
select hour,
       listens,
       unique_listeners as listeners,
       distinct_tracks as tracks,
       round(track_diversity_index, 3) as diversity,
       top_artists -> 0 ->> 'artist' as top_artist
  from music.hours
 where hour >= :from and hour < :to
 order by hour
