{# The style sheet and scripts of a page, `scripts` by name. Core's cache_safe() changes with core's version; these files come
   with the plugin, so their own time tells a browser that they are new. #}
<?php $carpd_asset = fn ($url) => $url . '?v=' . (int)@filemtime('/usr/local/opnsense/www/' . substr($url, 4)); ?>
<link rel="stylesheet" type="text/css" href="<?= $carpd_asset('/ui/css/carpd.css') ?>">
<?php foreach ($scripts as $carpd_script): ?>
<script src="<?= $carpd_asset('/ui/js/carpd/' . $carpd_script . '.js') ?>"></script>
<?php endforeach; ?>
