-- Everybody who was logged in, as they were last seen: of two events the later one knows the level. An id that some
-- files have as a number may be written 39.0; it is the user 39.
select distinct on (id)
       id as user_id,
       first_name,
       last_name,
       gender,
       level,
       to_timestamp(registration / 1000) as registered_at
  from (
    select regexp_replace(user_id, '^(\d+)\.0+$', '\1') as id, staging_events.*
      from sparkify.staging_events
  ) as events
 where id is not null
 order by id, started_at desc, session_id desc, item_in_session desc
