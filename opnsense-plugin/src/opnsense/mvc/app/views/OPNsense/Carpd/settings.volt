{{ partial("OPNsense/Carpd/assets", ['scripts': ['base', 'settings']]) }}

<ul class="nav nav-tabs" role="tablist" id="maintabs">
    <li class="active"><a data-toggle="tab" href="#general">{{ lang._('General') }}</a></li>
    <li><a data-toggle="tab" href="#services">{{ lang._('Services') }}</a></li>
    <li><a data-toggle="tab" href="#probes">{{ lang._('Probes') }}</a></li>
</ul>
<div class="tab-content content-box">
    <div id="general" class="tab-pane fade in active">
        {{ partial("layout_partials/base_form", ['fields': formGeneral, 'id': 'frm_general']) }}
        {{ partial("layout_partials/base_form", ['fields': formNode, 'id': 'frm_node']) }}
    </div>
    <div id="services" class="tab-pane fade in">
        {{ partial("layout_partials/base_bootgrid_table", formGridService) }}
    </div>
    <div id="probes" class="tab-pane fade in">
        {{ partial("layout_partials/base_bootgrid_table", formGridProbe) }}
    </div>
</div>

{{ partial("layout_partials/base_apply_button", ['data_endpoint': '/api/carpd/service/reconfigure', 'data_service_widget': 'carpd', 'data_error_title': 'carpd keeps its running configuration']) }}
{{ partial("layout_partials/base_dialog", ['fields': formDialogService, 'id': formGridService['edit_dialog_id'], 'label': lang._('Edit service')]) }}
{{ partial("layout_partials/base_dialog", ['fields': formDialogProbe, 'id': formGridProbe['edit_dialog_id'], 'label': lang._('Edit probe')]) }}

<script>
    $(document).ready(function () {
        carpd.startSettings({ service: '{{ formGridService['table_id'] }}', probe: '{{ formGridProbe['table_id'] }}' });
    });
</script>
