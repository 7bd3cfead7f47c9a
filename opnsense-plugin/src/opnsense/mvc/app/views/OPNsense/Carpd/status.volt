{{ partial("OPNsense/Carpd/assets", ['scripts': ['base', 'facts', 'failovers', 'timeline', 'verdict', 'maintenance', 'vhids', 'demotion', 'services', 'network', 'pictures', 'findings', 'status']]) }}
{{ partial("OPNsense/Carpd/texts") }}

<div class="carpd-page" id="carpd-status">
    <div class="content-box carpd-card carpd-wide" id="carpd-verdict" aria-live="polite">
        <p class="carpd-quiet">{{ lang._('Loading') }}</p>
    </div>
    <div class="content-box carpd-card" id="carpd-maintenance"></div>
    <div class="content-box carpd-card" id="carpd-findings"></div>
    <div id="carpd-known" class="carpd-known" hidden>
        <div class="content-box carpd-card carpd-wide" id="carpd-vhids"></div>
        <div class="content-box carpd-card" id="carpd-demotion"></div>
        <div class="content-box carpd-card" id="carpd-network"></div>
        <div class="content-box carpd-card carpd-wide" id="carpd-services"></div>
    </div>
    <div class="content-box carpd-card carpd-wide" id="carpd-failovers"></div>
</div>

{{ partial("layout_partials/base_dialog", ['fields': formMaintenance, 'id': 'DialogMaintenance', 'label': lang._('Enter maintenance')]) }}

<script>
    $(document).ready(function () {
        carpd.startStatus();
    });
</script>
