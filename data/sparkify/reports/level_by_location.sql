-- Plays of each place by the level that the listener had at that moment, and the share of paid ones in percent.
-- A listener counts wherever they played something. Of equally many plays the first by name.
-- :top integer = 10                    -- how many places
select coalesce(location, '(unknown)') as location,
       count(*) as plays,
       count(*) filter (where level = 'free') as free,
       count(*) filter (where level = 'paid') as paid,
       round(100.0 * count(*) filter (where level = 'paid') / count(*), 1) as "paid percent",
       count(distinct user_id) as listeners
  from sparkify.songplays
 group by coalesce(location, '(unknown)')
 order by plays desc, 1
 limit :top
