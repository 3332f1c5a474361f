-- How many songs began to play in each hour of the day, all days together, and the share of all plays in percent.
-- The longest bar has 40 signs.
-- :time_zone text = 'UTC'              -- whose hours, such as America/Los_Angeles
with hours as (
  select hour, count(started_at) as plays
    from generate_series(0, 23) as hour
    left join sparkify.songplays
      on extract(hour from started_at at time zone :time_zone) = hour
   group by hour
)
select hour,
       plays,
       round(100.0 * plays / nullif(sum(plays) over (), 0), 1) as percent,
       repeat('█', round(40.0 * plays / nullif(max(plays) over (), 0))::integer) as bar
  from hours
 order by hour
