-- Median streaming size, in MB and in GB: half of the streams are smaller.
-- size_mb is megabytes; 1 GB = 1,000 MB, and 1 GiB = 1,024 MB beside it. An exact percentile over all streams
-- (percentile_cont: the mean of the two in the middle when their number is even). A stream without a size is left out.
select
  count(size_mb) as streams,
  median::numeric as median_mb,
  (median / 1000)::numeric as median_gb,
  round((median / 1024)::numeric, 6) as median_gib,
  count(*) - count(size_mb) as left_out
from movies.distinct_streams,
  (select percentile_cont(0.5) within group (order by size_mb) as median from movies.distinct_streams) as middle
group by median
