-- One row for each artist_id. An artist whose name is spelled in several ways has the one that most songs use; of
-- equally many the first by the alphabet. Where they are from is told by a song that knows it, if there is one.
with spellings as (
  select artist_id, artist_name, count(*) as songs
    from sparkify.staging_songs
   where artist_id is not null
   group by artist_id, artist_name
),
names as (
  select distinct on (artist_id) artist_id, artist_name
    from spellings
   order by artist_id, songs desc, artist_name collate "C"
),
places as (
  select distinct on (artist_id) artist_id, artist_location, artist_latitude, artist_longitude
    from sparkify.staging_songs
   where artist_id is not null
   order by artist_id,
            artist_latitude is null,
            artist_location is null,
            artist_location collate "C",
            artist_latitude,
            artist_longitude
)
select names.artist_id,
       names.artist_name as name,
       places.artist_location as location,
       places.artist_latitude as latitude,
       places.artist_longitude as longitude
  from names
  join places on places.artist_id = names.artist_id
