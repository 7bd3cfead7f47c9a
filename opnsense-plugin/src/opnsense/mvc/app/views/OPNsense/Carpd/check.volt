{{ partial("OPNsense/Carpd/assets", ['scripts': ['base', 'facts', 'findings', 'check']]) }}
{{ partial("OPNsense/Carpd/texts") }}

<div class="carpd-page" id="carpd-check">
    <div class="content-box carpd-card">
        <div class="carpd-title">
            <h3>{{ lang._('This node') }}</h3>
            <button type="button" class="btn btn-default" id="carpd-again"><i class="fa fa-fw fa-refresh" aria-hidden="true"></i> {{ lang._('Check again') }}</button>
        </div>
        <p class="carpd-quiet">{{ lang._('What carpd runs with, and the part of the configuration that CARP depends on.') }}</p>
        <div id="carpd-own" aria-live="polite"></div>
    </div>
    <div class="content-box carpd-card">
        <div class="carpd-title">
            <h3>{{ lang._('Compared with the peer') }}</h3>
            <label class="btn btn-default" for="carpd-peer-file"><i class="fa fa-fw fa-folder-open-o" aria-hidden="true"></i> {{ lang._('Choose its config.xml') }}</label>
            <input type="file" id="carpd-peer-file" accept=".xml,text/xml,application/xml">
        </div>
        <p class="carpd-quiet">{{ lang._('A backup of the other node, from its System: Configuration: Backups. Virtual IPs, passwords, synchronisation and versions are compared. The file is looked at and not kept.') }}</p>
        <div id="carpd-peer" aria-live="polite"></div>
    </div>
</div>

<script>
    $(document).ready(function () {
        carpd.startCheck();
    });
</script>
