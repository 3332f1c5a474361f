-- One row for each song_id; of a song that stands in several files the first by its path.
select distinct on (song_id)
       song_id,
       title,
       artist_id,
       year::integer as year,
       duration
  from sparkify.staging_songs
 where song_id is not null
 order by song_id, _flatbed_file collate "C", _flatbed_row
